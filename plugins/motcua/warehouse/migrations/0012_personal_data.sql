-- Keyed pseudonyms instead of a digest that could be guessed, and the log of purges.
--
-- A generated column follows what it is computed of: emptied personal columns would make different
-- presses equal. So the loader writes the digest once, keyed, and it stays when the rest goes.

alter table raw.ratings drop column personal_digest;
alter table raw.ratings add column personal_digest text, add column officer text;
comment on column raw.ratings.personal_digest is
    'HMAC of MaCanBo and NoiDung, so that equal presses are told without reading them; null: empty.';
comment on column raw.ratings.officer is 'Pseudonym of MaCanBo: HMAC under the key of MOTCUA_KEY_FILE.';
grant select (personal_digest, officer) on raw.ratings to motcua_transformer;

alter table raw.files
    add column key_id text,
    add column purged_at timestamptz;
comment on column raw.files.key_id is
    'Fingerprint of the key of the pseudonyms of its rows; null: it has none, or not yet.';
comment on column raw.files.purged_at is
    'When personal columns of its rows, and its rejected records, were emptied.';

-- Digests written before are gone; the next build writes them anew and reads these days again.
do $$
begin
    if to_regclass('core.files_applied') is not null then
        delete from core.files_applied where feed = 'ratings';
    end if;
end
$$;

create table ops.purges (
    purge_id text not null,
    feed text not null,
    purged_at timestamptz not null default clock_timestamp(),
    purged_by text not null,
    retention_days integer not null,
    first_day date not null,
    last_day date not null,
    files integer not null,
    rows_emptied bigint not null,
    rejects_emptied bigint not null,
    primary key (purge_id, feed)
);
comment on table ops.purges is
    'Who emptied personal data when, of which feed and business dates; rows are only added.';
create table ops.landing_deletions (
    purge_id text not null,
    uri text not null,
    sha256 text not null,
    deleted_at timestamptz not null default clock_timestamp(),
    deleted_by text not null,
    primary key (purge_id, uri)
);
comment on table ops.landing_deletions is
    'Landing copies that a purge deleted, after their contents were loaded; rows are only added.';

create trigger insert_only before update or delete or truncate on ops.purges
    for each statement execute function ops.refuse_change();
create trigger insert_only before update or delete or truncate on ops.landing_deletions
    for each statement execute function ops.refuse_change();
grant select, insert on ops.purges, ops.landing_deletions to motcua_loader;
grant select on ops.purges, ops.landing_deletions to ops_reader;
