-- A release is whole when its transaction ends: rows can join it in that transaction only, so that
-- nobody can add to a release that stands.

create function published.refuse_addition() returns trigger
language plpgsql security definer set search_path = pg_catalog as $$
declare
    closed text;
begin
    select added.publication_id into closed
    from (select distinct publication_id from added) as added
    left join published.publications using (publication_id)
    where publications.xmin is distinct from pg_current_xact_id()::xid
    limit 1;
    if found then
        raise exception '% is closed: rows join a release only while it is published', closed
            using hint = 'Publish a revision (motcua publish --revise).';
    end if;
    return null;
end
$$;

do $$
declare
    place record;
begin
    for place in
        select schemaname, tablename from pg_tables
        where schemaname in ('published', 'evidence')
            and tablename not in ('publications', 'withdrawals')
    loop
        execute format(
            'create trigger only_while_published after insert on %I.%I'
            ' referencing new table as added'
            ' for each statement execute function published.refuse_addition()',
            place.schemaname, place.tablename);
    end loop;
end
$$;

alter function published.refuse_addition() owner to motcua_owner;
