-- A small shop: 500 customers, 60 products, 10,000 orders over the last two years. The same rows at every start,
-- but for the dates, which end today.

create table customers (
    id         integer     primary key generated always as identity,
    name       text        not null,
    email      text        not null unique,
    country    text        not null,
    vip        boolean     not null,
    joined_on  date        not null
);

create table products (
    id         integer       primary key generated always as identity,
    name       text          not null unique,
    category   text          not null,
    price      numeric(10,2) not null,
    attributes jsonb         not null
);

create table orders (
    id          bigint        primary key generated always as identity,
    customer_id integer       not null references customers,
    product_id  integer       not null references products,
    quantity    integer       not null,
    total       numeric(12,2) not null,
    status      text          not null check (status in ('placed', 'paid', 'shipped', 'delivered', 'returned')),
    note        text,
    placed_at   timestamptz   not null
);

select setseed(0.42);

insert into customers (name, email, country, vip, joined_on)
select first || ' ' || last,
       lower(first || '.' || last || n || '@example.com'),
       (array['Germany', 'France', 'Japan', 'Brazil', 'Canada', 'India', 'Kenya', 'Norway'])[1 + n % 8],
       n % 17 = 0,
       current_date - (random() * 1000)::integer
  from generate_series(1, 500) n,
       lateral (select (array['Ada', 'Grace', 'Linus', 'Barbara', 'Edsger', 'Radia', 'Ken', 'Margaret', 'Tim', 'Hedy',
                              'Alan', 'Katherine', 'Dennis', 'Frances', 'Niklaus'])[1 + n % 15] as first,
                       (array['Okafor', 'Lindqvist', 'Tanaka', 'Silva', 'Novak', 'Haddad', 'Moreau', 'Kowalski', 'Singh',
                              'Petrov', 'Garcia', 'Nguyen', 'Weber'])[1 + n % 13] as last) names;

insert into products (name, category, price, attributes)
select material || ' ' || thing,
       category,
       round((5 + random() * 245)::numeric, 2),
       jsonb_build_object('weight_g', 50 + (random() * 2000)::integer, 'colours', colours)
  from (select m.material, t.thing, t.category, t.colours, row_number() over (order by m.material, t.thing) as n
          from unnest(array['Oak', 'Brass', 'Linen', 'Slate', 'Cork', 'Glass']) m(material),
               (values ('Lamp', 'Lighting', '["warm", "cool"]'::jsonb), ('Chair', 'Furniture', '["natural", "black"]'),
                       ('Clock', 'Decor', '["natural"]'), ('Tray', 'Kitchen', '["natural", "white"]'),
                       ('Vase', 'Decor', '["blue", "green"]'), ('Shelf', 'Furniture', '["natural"]'),
                       ('Frame', 'Decor', '["black", "white"]'), ('Bowl', 'Kitchen', '["blue", "white"]'),
                       ('Stool', 'Furniture', '["black"]'), ('Lantern', 'Lighting', '["warm"]')) t(thing, category, colours)
       ) catalogue;

insert into orders (customer_id, product_id, quantity, total, status, note, placed_at)
select customer, product, quantity, round(quantity * price, 2),
       case when age < 3 then (array['placed', 'paid', 'shipped'])[1 + n % 3] when age < 9 then 'shipped'
            when n % 29 = 0 then 'returned' else 'delivered' end,
       case when n % 11 = 0 then 'Leave at the door, please' when n % 37 = 0 then 'Gift: wrap it in green' end,
       date_trunc('second', now() - make_interval(secs => age * 86400))
  from (select n, 1 + floor(500 * power(random(), 1.6))::integer as customer,
               1 + floor(60 * power(random(), 1.3))::integer as product,
               1 + floor(6 * power(random(), 2))::integer as quantity,
               730 * power(n / 10000.0, 1.2) as age
          from generate_series(1, 10000) n) drawn
  join products p on p.id = drawn.product
 order by age desc;

create index on orders (customer_id);
create index on orders (product_id);
create index on orders (placed_at);
grant select on all tables in schema public to postern_demo_reader;
analyze;
