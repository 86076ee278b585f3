-- The first state of every table that can be written to, and of those that never change.
truncate customers, orders, items, drafts, payouts, events, "order notes", warehouse.parts restart identity;

insert into customers (id, name, email, city, about, owner, listed) values
  (1, 'Ada', 'ada@example.com', 'London', 'The first programmer wrote notes about engines', 'user-1', true),
  (2, 'Björk, née B (ß) 50%', 'bjork@example.com', 'Reykjavík', 'Sings about the sea and engines', 'user-2', true),
  (3, 'Chen', 'chen@example.com', null, null, null, true),
  (4, 'Hidden', 'hidden@example.com', 'Nowhere', 'Seen by the secret key only', null, false);

insert into orders (id, customer_id, status, total, placed_on, tags, details, note) values
  (10, 1, 'open', 12.50, '2026-01-05', '{new,gift}', '{"gift": {"card": "Hello"}, "weight": 3}', null),
  (11, 1, 'paid', 99.99, '2026-02-10', '{}', '{"weight": 7}', 'a+b=c & more'),
  (12, 2, 'sent', 0.10, '2026-03-15', '{gift}', null, 'slash/and\backslash'),
  (13, 3, 'open', 12345678.90, '2026-04-20', '{bulk}', '{}', null);

insert into items (order_id, line, product, quantity) values
  (10, 1, 'Engine', 1), (10, 2, 'Oil', 5), (11, 1, 'Loom', 2), (12, 1, 'Shell', 40);

insert into drafts (title, body, stars) values ('First', 'one', 1), ('Second', 'two', 2), ('Third', null, 3);
insert into payouts values (1, 100), (2, 200);
insert into events
  select n, case when n % 3 = 0 then 'click' else 'view' end, '2026-01-01Z'::timestamptz + n * interval '1 minute'
  from generate_series(1, 2500) as n;
insert into "order notes" values (1, 'encoded');
insert into warehouse.parts values (1, 'bolt'), (2, 'nut');

-- Planned and estimated counts are those of the planner.
analyze customers, orders, items, drafts, events;
