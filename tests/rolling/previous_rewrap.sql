select owner_id, connection_id, name, secret_id, sealed, kind, endpoint_digest
  from postern.secrets order by owner_id, connection_id, name limit 100;
with replaced as (
    update postern.secrets set sealed = :sealed
     where owner_id = :owner and name = 'password' and sealed = :sealed
    returning name)
select name from replaced
