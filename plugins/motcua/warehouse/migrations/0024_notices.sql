-- Notices to the units by mail, append-only: what was handed to which address.

create table ops.notices (
    month text not null,
    recipient text not null,
    address text not null,
    content_sha256 text not null,
    known_as_of date not null,
    sent_at timestamptz not null default clock_timestamp(),
    primary key (month, recipient, address, content_sha256)
);
comment on table ops.notices is
    'Monthly notices that a mail server took; recipient is a unit_code or CENTRE. The same contents'
    ' go to an address once.';

create trigger insert_only before update or delete or truncate on ops.notices
for each statement execute function ops.refuse_change();

grant select, insert on ops.notices to motcua_publisher;
grant select on ops.notices to ops_reader;
