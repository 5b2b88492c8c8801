-- What the loader writes: the manifest, the rejects, and one all-text table per feed.
--
-- row_id is file_id * 2^32 + number of the record in its file (the first record is 1). One number
-- instead of two columns, because COPY pays for every default it has to compute: this way a file
-- streams into the table unparsed and every row still tells where it came from.

create sequence raw.file_ids as integer;

create table raw.files (
    file_id integer primary key default nextval('raw.file_ids'),
    feed text not null,
    uri text not null,
    file_name text not null,
    business_date date not null,
    part text not null default '',
    revision integer not null default 1,
    sha256 text not null,
    bytes bigint not null,
    records integer not null,
    loaded integer not null,
    rejected integer not null,
    state text not null check (state in ('loaded', 'quarantined')),
    reason text,
    warnings jsonb not null default '[]',
    read_by text not null,
    loaded_at timestamptz not null default clock_timestamp(),
    check (loaded + rejected = records),
    unique (feed, business_date, part, revision, sha256)
);
comment on table raw.files is
    'The manifest: one row per export file that was read, with what became of it.';
comment on column raw.files.read_by is
    'How the file was read: stream (bytes to COPY), records (record by record), xlsx.';

create table raw.rejects (
    file_id integer not null references raw.files,
    record integer not null,
    column_name text,
    reason text not null,
    next_step text not null,
    content text,
    primary key (file_id, record)
);
comment on table raw.rejects is
    'Records that were not loaded, with column and reason; content (the record) is personal.';

create sequence raw.cases_row_id as bigint minvalue 0 cache 1000;
create sequence raw.steps_row_id as bigint minvalue 0 cache 1000;
create sequence raw.supplements_row_id as bigint minvalue 0 cache 1000;
create sequence raw.petitions_row_id as bigint minvalue 0 cache 1000;
create sequence raw.procedures_row_id as bigint minvalue 0 cache 1000;
create sequence raw.ratings_row_id as bigint minvalue 0 cache 1000;
create sequence raw.late_reviews_row_id as bigint minvalue 0 cache 1000;
create sequence raw.external_counts_row_id as bigint minvalue 0 cache 1000;

create table raw.cases (
    row_id bigint not null default nextval('raw.cases_row_id'),
    mahoso text,
    matthc text,
    madonvi text,
    kenhthuchien text,
    mucdo text,
    loaidoituong text,
    chuhoso text,
    sogiaytochuhoso text,
    sodienthoai text,
    email text,
    diachi text,
    ngaynophoso text,
    ngaytiepnhan text,
    ngayhentra text,
    ngayketthucxuly text,
    ngaytra text,
    hinhthuc text,
    trangthaihoso text,
    nguoitiepnhan text,
    nguoixuly text,
    ghichu text,
    daxoa text,
    ngaycapnhat text
);
create index cases_by_row_id on raw.cases using brin (row_id) with (pages_per_range = 32);

create table raw.steps (
    row_id bigint not null default nextval('raw.steps_row_id'),
    mahoso text,
    mabuoc text,
    madonvi text,
    phongbanxuly text,
    nguoixuly text,
    ngaybatdau text,
    ngayketthuctheoquydinh text,
    thoidiemxuly text,
    trangthai text,
    ngaycapnhat text
);
create index steps_by_row_id on raw.steps using brin (row_id) with (pages_per_range = 32);

create table raw.supplements (
    row_id bigint not null default nextval('raw.supplements_row_id'),
    hosobosungid text,
    mahoso text,
    ngaybosung text,
    ngaytiepnhanbosung text,
    ngayhentratruoc text,
    ngayhentramoi text,
    loinguoinop text,
    socoquanlienhe text,
    noidungbosung text,
    ngaycapnhat text
);
create index supplements_by_row_id on raw.supplements using brin (row_id) with (pages_per_range = 32);

create table raw.petitions (
    row_id bigint not null default nextval('raw.petitions_row_id'),
    mapakn text,
    madonvi text,
    mahoso text,
    loaiphananh text,
    ngaytiepnhan text,
    hanxuly text,
    ngayxuly text,
    ketluan text,
    keodai text,
    ngaycapnhat text
);
create index petitions_by_row_id on raw.petitions using brin (row_id) with (pages_per_range = 32);

create table raw.procedures (
    row_id bigint not null default nextval('raw.procedures_row_id'),
    matthc text,
    tentthc text,
    madonvi text,
    malinhvuc text,
    tenlinhvuc text,
    mucdo text,
    niemyettaitrungtam text,
    taicho text,
    nhantrataitrungtam text,
    congkhai text,
    maquytrinh text,
    soquyetdinh text,
    ngaypheduyet text,
    donvithoigian text,
    ngaycapnhatphanmem text,
    ghichu text,
    ngayhethieuluc text,
    ngaycapnhat text
);
create index procedures_by_row_id on raw.procedures using brin (row_id) with (pages_per_range = 32);

create table raw.ratings (
    row_id bigint not null default nextval('raw.ratings_row_id'),
    makiosk text,
    quay text,
    sothutu text,
    madonvi text,
    macanbo text,
    thoigian text,
    nutdanhgia text,
    noidung text,
    -- A press is the whole row; the transformer tells presses apart without reading who and what.
    personal_digest text generated always as (
        md5(coalesce(macanbo, '') || chr(31) || coalesce(noidung, ''))
    ) stored
);
create index ratings_by_row_id on raw.ratings using brin (row_id) with (pages_per_range = 32);

create table raw.late_reviews (
    row_id bigint not null default nextval('raw.late_reviews_row_id'),
    mahoso text,
    nguyennhan text,
    ngaytrathucte text,
    sovanban text,
    nguoixacnhan text,
    ngayxacnhan text,
    daxinloi text
);
create index late_reviews_by_row_id on raw.late_reviews using brin (row_id) with (pages_per_range = 32);

create table raw.external_counts (
    row_id bigint not null default nextval('raw.external_counts_row_id'),
    hethong text,
    madonvi text,
    tungay text,
    denngay text,
    kytruoc text,
    tiepnhanmoi text,
    truochan text,
    dunghan text,
    quahan text,
    dangxulyconhan text,
    dangxulyquahan text,
    tralai text,
    tructuyen text,
    ngaycapnhat text
);
create index external_counts_by_row_id on raw.external_counts using brin (row_id) with (pages_per_range = 32);

alter table raw.files owner to motcua_loader;
alter sequence raw.file_ids owner to motcua_loader;
alter table raw.rejects owner to motcua_loader;
alter table raw.cases owner to motcua_loader;
alter sequence raw.cases_row_id owner to motcua_loader;
alter table raw.steps owner to motcua_loader;
alter sequence raw.steps_row_id owner to motcua_loader;
alter table raw.supplements owner to motcua_loader;
alter sequence raw.supplements_row_id owner to motcua_loader;
alter table raw.petitions owner to motcua_loader;
alter sequence raw.petitions_row_id owner to motcua_loader;
alter table raw.procedures owner to motcua_loader;
alter sequence raw.procedures_row_id owner to motcua_loader;
alter table raw.ratings owner to motcua_loader;
alter sequence raw.ratings_row_id owner to motcua_loader;
alter table raw.late_reviews owner to motcua_loader;
alter sequence raw.late_reviews_row_id owner to motcua_loader;
alter table raw.external_counts owner to motcua_loader;
alter sequence raw.external_counts_row_id owner to motcua_loader;

-- The transformer sees no personal column (those marked ° in the contract).
grant usage on schema raw to motcua_transformer, motcua_publisher, ops_reader;
grant select on raw.files to motcua_transformer, motcua_publisher, ops_reader;
grant select (file_id, record, column_name, reason, next_step) on raw.rejects
    to motcua_transformer, ops_reader;
grant select (row_id, mahoso, matthc, madonvi, kenhthuchien, mucdo, loaidoituong, ngaynophoso,
        ngaytiepnhan, ngayhentra, ngayketthucxuly, ngaytra, hinhthuc, trangthaihoso, daxoa,
        ngaycapnhat)
    on raw.cases to motcua_transformer;
grant select (row_id, mahoso, mabuoc, madonvi, phongbanxuly, ngaybatdau, ngayketthuctheoquydinh,
        thoidiemxuly, trangthai, ngaycapnhat)
    on raw.steps to motcua_transformer;
grant select (row_id, hosobosungid, mahoso, ngaybosung, ngaytiepnhanbosung, ngayhentratruoc,
        ngayhentramoi, loinguoinop, socoquanlienhe, ngaycapnhat)
    on raw.supplements to motcua_transformer;
grant select (row_id, mapakn, madonvi, mahoso, loaiphananh, ngaytiepnhan, hanxuly, ngayxuly,
        ketluan, keodai, ngaycapnhat)
    on raw.petitions to motcua_transformer;
grant select (row_id, matthc, tentthc, madonvi, malinhvuc, tenlinhvuc, mucdo,
        niemyettaitrungtam, taicho, nhantrataitrungtam, congkhai, maquytrinh, soquyetdinh,
        ngaypheduyet, donvithoigian, ngaycapnhatphanmem, ghichu, ngayhethieuluc, ngaycapnhat)
    on raw.procedures to motcua_transformer;
grant select (row_id, makiosk, quay, sothutu, madonvi, thoigian, nutdanhgia, personal_digest)
    on raw.ratings to motcua_transformer;
grant select (row_id, mahoso, nguyennhan, ngaytrathucte, sovanban, ngayxacnhan, daxinloi)
    on raw.late_reviews to motcua_transformer;
grant select (row_id, hethong, madonvi, tungay, denngay, kytruoc, tiepnhanmoi, truochan,
        dunghan, quahan, dangxulyconhan, dangxulyquahan, tralai, tructuyen, ngaycapnhat)
    on raw.external_counts to motcua_transformer;
