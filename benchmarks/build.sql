-- Core and the published figures by hand: what somebody who knows PostgreSQL and the rules would run
-- to make them from the raw tables, from nothing, in one session and one transaction.
--
-- Schema by_hand gets the tables of schema core and of the marts appendix_1, _2, _4 and scorecard:
-- the same names, rows, types, primary keys and checks. benchmarks/build.py runs it, names the
-- reference pack in bench.reference_sha256 and the models in bench.project_sha256, and compares.

drop schema if exists by_hand cascade;
create schema by_hand;
create schema by_hand_helpers;  -- no temporary tables: those keep a query from running in parallel
set local search_path = by_hand, by_hand_helpers;
set local work_mem = '256MB';
set local maintenance_work_mem = '512MB';

create function by_hand_helpers.word(written text) returns text
language sql immutable parallel safe return nullif(trim(written), '');

create function by_hand_helpers.number(written text) returns integer
language sql immutable parallel safe return cast(nullif(trim(written), '') as integer);

create function by_hand_helpers.flag(written text) returns boolean
language sql immutable parallel safe return coalesce(lower(trim(written)) in ('1', 'true'), false);

create function by_hand_helpers.moment(written text) returns timestamp
language sql stable parallel safe return
    case
        when written is null then null
        when length(written) = 14
            then cast(overlay(written placing ' ' from 9 for 0) as timestamp)
        when trim(written) = '' then null
        when substr(trim(written), 3, 1) = '/'
            then cast(
                substr(trim(written), 7, 4) || '-' || substr(trim(written), 4, 2)
                || '-' || substr(trim(written), 1, 2) || substr(trim(written), 11) as timestamp
            )
        when substr(trim(written), 12) ~ '[Z+-]'
            then cast(trim(written) as timestamptz) at time zone 'Asia/Ho_Chi_Minh'
        else cast(trim(written) as timestamp)
    end;

create function by_hand_helpers.calendar_day(written text) returns date
language sql stable parallel safe return cast(moment(written) as date);

-- ---------------------------------------------------------------------------------------------
-- Files that count; `place` tells which of two files of a day has the last word.

create table by_hand_helpers.files as
select
    file_id,
    feed,
    business_date,
    row_number() over (order by revision, part collate "C", sha256 collate "C") as place
from (
    select *, max(revision) over (partition by feed, business_date, part) as highest_revision
    from raw.files
    where state = 'loaded' and file_id in (select file_id from ops.landing_passed)
) as loaded
where revision = highest_revision;
analyze by_hand_helpers.files;

create table files_applied as
select
    file_id,
    feed,
    business_date,
    current_setting('bench.reference_sha256') as reference_sha256,
    current_setting('bench.project_sha256') as project_sha256
from files;

-- ---------------------------------------------------------------------------------------------
-- The reference pack.

create table dim_units as
select
    word(unit_code) as unit_code,
    number(display_order) as display_order,
    word(name_vi) as unit_name,
    word(name_en) as unit_name_en,
    coalesce(calendar_day(valid_from), date '1900-01-01') as valid_from,
    calendar_day(valid_to) as valid_to,
    word(successor_code) as successor_code
from reference.units
where reference_sha256 = current_setting('bench.reference_sha256');

create table by_hand_helpers.aliases as
select word(alias) as alias, word(unit_code) as unit_code
from reference.unit_aliases
where reference_sha256 = current_setting('bench.reference_sha256');
analyze by_hand_helpers.aliases;

create table dim_periods as
select
    word(period_code) as period_code,
    word(kind) as kind,
    word(label_vi) as label_vi,
    word(label_en) as label_en,
    calendar_day(cases_from) as cases_from,
    calendar_day(cases_to) as cases_to,
    calendar_day(ratings_from) as ratings_from,
    calendar_day(ratings_to) as ratings_to,
    calendar_day(processes_as_of) as processes_as_of,
    calendar_day(known_as_of) as known_as_of,
    calendar_day(publish_on) as publish_on,
    word(rule_set) as rule_set,
    word(timeliness_mode) as timeliness_mode,
    word(returned_bucket) as returned_bucket,
    word(due_date) as due_date_basis,
    word(online_denominator) as online_denominator,
    number(rounding_digits) as rounding_digits,
    word(total_of) as total_of,
    cast(word(band_excellent_from) as numeric) as band_excellent_from,
    cast(word(band_good_from) as numeric) as band_good_from,
    cast(word(band_fair_from) as numeric) as band_fair_from,
    cast(word(band_average_from) as numeric) as band_average_from,
    reference_sha256
from reference.reporting_periods
inner join reference.rule_sets using (rule_set, reference_sha256)
where reference_sha256 = current_setting('bench.reference_sha256');

create table dim_dates as
select
    day,
    coalesce(exceptions.is_working_day, extract(isodow from day) < 6) as is_working_day,
    note,
    cast(
        count(*) filter (
            where coalesce(exceptions.is_working_day, extract(isodow from day) < 6)
        ) over (order by day) as integer
    ) as working_day_number
from (
    select date '1900-01-01' + number as day
    from generate_series(0, date '2100-12-31' - date '1900-01-01') as number
) as days
left join (
    select calendar_day(date) as day, flag(is_working_day) as is_working_day, word(note) as note
    from reference.calendar
    where reference_sha256 = current_setting('bench.reference_sha256')
) as exceptions using (day);

-- ---------------------------------------------------------------------------------------------
-- What was known when: of a day the last word, valid until the next day that tells the record.
-- One sort serves both: a row is the last of its day when the next one is of another day.
-- `offset 0` has the texts read before they are sorted, as values are narrower.

create table fct_case_versions as
select
    case_code, procedure_code, unit_code, channel_code, service_level, applicant_type,
    submitted_at, received_at, due_at, finished_at, handed_over_at, return_method, status_code,
    is_cancelled, row_id, business_date as valid_from, next_date as valid_to
from (
    select
        *,
        lead(business_date) over (
            partition by case_code order by business_date, changed_at, place, row_id
        ) as next_date
    from (
        select
            mahoso as case_code,
            matthc as procedure_code,
            madonvi as unit_code,
            cast(kenhthuchien as integer) as channel_code,
            cast(mucdo as integer) as service_level,
            cast(loaidoituong as integer) as applicant_type,
            moment(ngaynophoso) as submitted_at,
            moment(ngaytiepnhan) as received_at,
            moment(ngayhentra) as due_at,
            moment(ngayketthucxuly) as finished_at,
            moment(ngaytra) as handed_over_at,
            cast(hinhthuc as integer) as return_method,
            cast(trangthaihoso as integer) as status_code,
            coalesce(daxoa = '1', false) as is_cancelled,
            moment(ngaycapnhat) as changed_at,
            row_id, business_date, place
        from raw.cases
        inner join files on file_id = cast(row_id >> 32 as integer)
        where feed = 'cases'
        offset 0
    ) as told
) as ordered
where next_date is distinct from business_date;

create table fct_case_steps as
select
    case_code, step_code, unit_code, office, started_at, allotted_end_at, finished_at, status,
    row_id, business_date as valid_from, next_date as valid_to
from (
    select
        *,
        lead(business_date) over (
            partition by case_code, step_code order by business_date, changed_at, place, row_id
        ) as next_date
    from (
        select
            mahoso as case_code,
            mabuoc as step_code,
            madonvi as unit_code,
            phongbanxuly as office,
            moment(ngaybatdau) as started_at,
            moment(ngayketthuctheoquydinh) as allotted_end_at,
            moment(thoidiemxuly) as finished_at,
            trangthai as status,
            moment(ngaycapnhat) as changed_at,
            row_id, business_date, place
        from raw.steps
        inner join files on file_id = cast(row_id >> 32 as integer)
        where feed = 'steps'
        offset 0
    ) as told
) as ordered
where next_date is distinct from business_date;

create table fct_supplements as
select
    supplement_code, case_code, requested_at, answered_at, due_before_at, due_after_at,
    is_applicants_fault, agencies_contacted, row_id, business_date as valid_from,
    next_date as valid_to
from (
    select
        *,
        lead(business_date) over (
            partition by supplement_code order by business_date, changed_at, place, row_id
        ) as next_date
    from (
        select
            hosobosungid as supplement_code,
            mahoso as case_code,
            moment(ngaybosung) as requested_at,
            moment(ngaytiepnhanbosung) as answered_at,
            moment(ngayhentratruoc) as due_before_at,
            moment(ngayhentramoi) as due_after_at,
            coalesce(loinguoinop = '1', false) as is_applicants_fault,
            cast(socoquanlienhe as integer) as agencies_contacted,
            moment(ngaycapnhat) as changed_at,
            row_id, business_date, place
        from raw.supplements
        inner join files on file_id = cast(row_id >> 32 as integer)
        where feed = 'supplements'
        offset 0
    ) as told
) as ordered
where next_date is distinct from business_date;

create table fct_petitions as
select
    petition_code, unit_code, case_code, petition_type, received_at, due_at, resolved_at,
    is_founded, is_protracted, row_id, business_date as valid_from, next_date as valid_to
from (
    select
        *,
        lead(business_date) over (
            partition by petition_code order by business_date, changed_at, place, row_id
        ) as next_date
    from (
        select
            mapakn as petition_code,
            madonvi as unit_code,
            mahoso as case_code,
            cast(loaiphananh as integer) as petition_type,
            moment(ngaytiepnhan) as received_at,
            moment(hanxuly) as due_at,
            moment(ngayxuly) as resolved_at,
            coalesce(ketluan = '1', false) as is_founded,
            coalesce(keodai = '1', false) as is_protracted,
            moment(ngaycapnhat) as changed_at,
            row_id, business_date, place
        from raw.petitions
        inner join files on file_id = cast(row_id >> 32 as integer)
        where feed = 'petitions'
        offset 0
    ) as told
) as ordered
where next_date is distinct from business_date;

create table fct_late_reviews as
select
    case_code, reason, actually_returned_at, document_number, is_apology_sent, row_id,
    business_date as valid_from, next_date as valid_to
from (
    select
        *,
        lead(business_date) over (
            partition by case_code order by business_date, changed_at, place, row_id
        ) as next_date
    from (
        select
            mahoso as case_code,
            cast(nguyennhan as integer) as reason,
            moment(ngaytrathucte) as actually_returned_at,
            sovanban as document_number,
            coalesce(daxinloi = '1', false) as is_apology_sent,
            moment(ngayxacnhan) as changed_at,
            row_id, business_date, place
        from raw.late_reviews
        inner join files on file_id = cast(row_id >> 32 as integer)
        where feed = 'late_reviews'
        offset 0
    ) as told
) as ordered
where next_date is distinct from business_date;

create table fct_external_counts as
select
    system_code, unit_code, counted_from, counted_to, carried_over, newly_received, settled_early,
    settled_on_time, settled_late, in_progress_in_time, in_progress_overdue, returned,
    received_online, row_id, business_date as valid_from, next_date as valid_to
from (
    select
        *,
        lead(business_date) over (
            partition by system_code, unit_code, counted_from, counted_to
            order by business_date, changed_at, place, row_id
        ) as next_date
    from (
        select
            hethong as system_code,
            madonvi as unit_code,
            calendar_day(tungay) as counted_from,
            calendar_day(denngay) as counted_to,
            cast(kytruoc as integer) as carried_over,
            cast(tiepnhanmoi as integer) as newly_received,
            cast(truochan as integer) as settled_early,
            cast(dunghan as integer) as settled_on_time,
            cast(quahan as integer) as settled_late,
            cast(dangxulyconhan as integer) as in_progress_in_time,
            cast(dangxulyquahan as integer) as in_progress_overdue,
            cast(tralai as integer) as returned,
            cast(tructuyen as integer) as received_online,
            moment(ngaycapnhat) as changed_at,
            row_id, business_date, place
        from raw.external_counts
        inner join files on file_id = cast(row_id >> 32 as integer)
        where feed = 'external_counts'
        offset 0
    ) as told
) as ordered
where next_date is distinct from business_date;

create table dim_procedures as
select
    procedure_code, procedure_name, unit_code, field_code, field_name, service_level, is_listed,
    is_on_the_spot, is_handled_at_centre, publicity, process_code, decision_number, approved_date,
    time_unit, on_software_date, note, expiry_date, row_id, business_date as valid_from,
    next_date as valid_to
from (
    select
        *,
        lead(business_date) over (
            partition by procedure_code order by business_date, changed_at, place, row_id
        ) as next_date
    from (
        select
            matthc as procedure_code,
            tentthc as procedure_name,
            madonvi as unit_code,
            malinhvuc as field_code,
            tenlinhvuc as field_name,
            cast(mucdo as integer) as service_level,
            coalesce(niemyettaitrungtam = '1', false) as is_listed,
            coalesce(taicho = '1', false) as is_on_the_spot,
            coalesce(nhantrataitrungtam = '1', false) as is_handled_at_centre,
            cast(congkhai as integer) as publicity,
            maquytrinh as process_code,
            soquyetdinh as decision_number,
            calendar_day(ngaypheduyet) as approved_date,
            donvithoigian as time_unit,
            calendar_day(ngaycapnhatphanmem) as on_software_date,
            ghichu as note,
            calendar_day(ngayhethieuluc) as expiry_date,
            moment(ngaycapnhat) as changed_at,
            row_id, business_date, place
        from raw.procedures
        inner join files on file_id = cast(row_id >> 32 as integer)
        where feed = 'procedures'
        offset 0
    ) as told
) as ordered
where next_date is distinct from business_date;

analyze fct_case_versions, fct_case_steps, fct_supplements, fct_petitions, fct_late_reviews,
    fct_external_counts, dim_procedures, dim_dates;

-- A press is the whole row; it counts from the first day that tells it, by that day's last word.
create table fct_ratings as
select distinct on (press_key)
    press_key, kiosk, counter, ticket, unit_code, pressed_at, button, row_id,
    business_date as known_on
from (
    select
        md5(concat_ws('|', kiosk, counter, ticket, unit_code, pressed_at, button, personal_digest))
            as press_key,
        kiosk, counter, ticket, unit_code, pressed_at, button, row_id, business_date, place
    from (
        select
            makiosk as kiosk,
            quay as counter,
            sothutu as ticket,
            madonvi as unit_code,
            moment(thoigian) as pressed_at,
            cast(nutdanhgia as integer) as button,
            personal_digest, row_id, business_date, place
        from raw.ratings
        inner join files on file_id = cast(row_id >> 32 as integer)
        where feed = 'ratings'
        offset 0
    ) as told
    offset 0
) as presses
order by press_key, business_date, place desc, row_id desc;

create table fct_cases as
select
    case_code, procedure_code, unit_code, channel_code, service_level, applicant_type,
    submitted_at, received_at, due_at, finished_at, handed_over_at, return_method, status_code,
    is_cancelled,
    coalesce(to_char(received_at, 'YYMMDD') <> split_part(case_code, '-', 2), false)
        as is_code_date_different,
    row_id,
    valid_from as last_known_on
from fct_case_versions
where valid_to is null;

create table fct_process_updates as
select
    procedure_code, valid_from as known_on, unit_code, process_code, decision_number,
    approved_date, on_software_date, row_id
from (
    select
        *,
        (process_code, approved_date, on_software_date)
        is distinct from lag((process_code, approved_date, on_software_date)) over versions
        or row_number() over versions = 1 as is_changed
    from dim_procedures
    window versions as (partition by procedure_code order by valid_from)
) as compared
where is_changed;

alter table files_applied add primary key (file_id);
alter table dim_units add primary key (unit_code);
alter table dim_periods add primary key (period_code);
alter table dim_dates add primary key (day);
alter table dim_procedures add primary key (procedure_code, valid_from);
alter table fct_process_updates add primary key (procedure_code, known_on);
alter table fct_case_versions
    add primary key (case_code, valid_from), add check (valid_to > valid_from);
alter table fct_cases add primary key (case_code);
alter table fct_case_steps add primary key (case_code, step_code, valid_from);
alter table fct_supplements add primary key (supplement_code, valid_from);
alter table fct_petitions add primary key (petition_code, valid_from);
alter table fct_late_reviews add primary key (case_code, valid_from);
alter table fct_external_counts
    add primary key (system_code, unit_code, counted_from, counted_to, valid_from);
alter table fct_ratings add primary key (press_key), add check (button between 1 and 5);
analyze files_applied, dim_units, dim_periods, fct_cases, fct_ratings, fct_process_updates;

-- ---------------------------------------------------------------------------------------------
-- Periods that began, their days and rules. Nothing is told between the newest business date and
-- the next working day, so what is known reaches to the eve of that.

create table by_hand_helpers.periods as
select
    dim_periods.*,
    least(known_as_of, reached_until) as as_of,
    least(cases_to, reached_until) as cases_until,
    least(ratings_to, reached_until) as ratings_until,
    least(processes_as_of, reached_until) as processes_day
from dim_periods
cross join (
    select min(day) - 1 as reached_until
    from dim_dates
    where is_working_day and day > (select max(business_date) from files)
) as reached
where cases_from <= reached_until;

create table by_hand_helpers.rules as
select
    period_code,
    number(indicator) as indicator,
    number(form) as form,
    cast(word(points) as numeric) as points,
    word(condition) as condition,
    cast(word(min_share_percent) as numeric) as min_share_percent,
    cast(word(above_share_percent) as numeric) as above_share_percent,
    cast(word(min_online_percent) as numeric) as min_online_percent,
    cast(word(max_count) as numeric) as max_count
from reference.scoring_rules
inner join periods using (rule_set, reference_sha256);
analyze periods, rules;

-- ---------------------------------------------------------------------------------------------
-- Procedures on the two days that matter. A unit's first register counts backwards.

create table by_hand_helpers.listed_procedures as
with named as (
    select dim_procedures.*, coalesce(aliases.unit_code, dim_procedures.unit_code) as named_unit
    from dim_procedures
    left join aliases on alias = dim_procedures.unit_code
),

first_registers as (
    select named_unit, min(valid_from) as first_registered_on
    from named
    group by named_unit
),

days as (
    select period_code, 'window_end' as day_of, cases_until as day, least(cases_until, as_of) as known
    from periods
    union all
    select period_code, 'processes', processes_day, least(processes_day, as_of)
    from periods
)

select
    period_code,
    day_of,
    procedure_code,
    named_unit as unit_code,
    service_level,
    is_on_the_spot,
    is_handled_at_centre,
    publicity,
    time_unit,
    note,
    process_code is not null and coalesce(approved_date <= day, false) as is_approved,
    process_code is not null and coalesce(approved_date <= day and on_software_date <= day, false)
        as is_on_software
from named
inner join first_registers using (named_unit)
inner join days
    on
        valid_from <= greatest(known, first_registered_on)
        and (valid_to is null or valid_to > greatest(known, first_registered_on))
where is_listed and (expiry_date is null or expiry_date > day);
analyze listed_procedures;

-- ---------------------------------------------------------------------------------------------
-- What is known of a case on a period's day beside its record.

create table by_hand_helpers.steps_known as
select
    period_code,
    case_code,
    min(
        case
            when cast(finished_at as date) < cast(allotted_end_at as date) then points_before
            when cast(finished_at as date) = cast(allotted_end_at as date) then points_on
            else points_after
        end
    ) as points
from fct_case_steps
inner join (
    select
        period_code,
        as_of,
        max(points) filter (where condition = 'before_allotted_end') as points_before,
        max(points) filter (where condition = 'on_allotted_end') as points_on,
        max(points) filter (where condition = 'after_allotted_end') as points_after
    from periods
    inner join rules using (period_code)
    where indicator = 2
    group by period_code, as_of
) as step_rules on valid_from <= as_of and (valid_to is null or valid_to > as_of)
where finished_at is not null and allotted_end_at is not null
group by period_code, case_code;

create table by_hand_helpers.supplements_known as
select
    period_code,
    case_code,
    count(*) as requests,
    count(*) filter (where not is_applicants_fault) as requests_not_applicants_fault,
    max(coalesce(agencies_contacted, 0)) as agencies,
    (array_agg(due_before_at order by requested_at, length(supplement_code), supplement_code))[1]
        as first_due_before_at,
    (
        array_agg(
            due_after_at order by requested_at desc, length(supplement_code) desc,
            supplement_code desc
        ) filter (where due_after_at is not null)
    )[1] as last_due_after_at
from fct_supplements
inner join periods on valid_from <= as_of and (valid_to is null or valid_to > as_of)
group by period_code, case_code;

-- Points of indicators 3 and 4 for every number of contacts that occurs, and for none.
create table by_hand_helpers.contact_points as
select
    period_code,
    requests,
    requests_not_applicants_fault,
    agencies,
    max(points) filter (
        where indicator = 3 and (
            condition = 'otherwise'
            or condition = 'requests_at_most' and requests <= max_count
            or condition = 'not_applicant_fault_at_most'
            and requests_not_applicants_fault <= max_count
        )
    ) as points_3,
    max(points) filter (
        where indicator = 4 and (
            condition = 'otherwise' or condition = 'agencies_at_most' and agencies <= max_count
        )
    ) as points_4
from (
    select period_code, requests, requests_not_applicants_fault, agencies from supplements_known
    union
    select period_code, 0, 0, 0 from periods
) as contacts
inner join rules using (period_code)
where indicator in (3, 4)
group by period_code, requests, requests_not_applicants_fault, agencies;

create table by_hand_helpers.reviews_known as
select period_code, case_code, reason, cast(actually_returned_at as date) as returned_date
from fct_late_reviews
inner join periods on valid_from <= as_of and (valid_to is null or valid_to > as_of);

create table by_hand_helpers.petitions_known as
select
    period_code,
    coalesce(aliases.unit_code, fct_petitions.unit_code) as unit_code,
    case_code,
    petition_type = 1 and is_founded as is_founded_conduct,
    cast(received_at as date) between cases_from and cases_until as is_in_window,
    is_protracted,
    coalesce(
        cast(resolved_at as date) <= cast(due_at as date) or cast(due_at as date) >= cases_until,
        due_at is null
    ) as is_on_time
from fct_petitions
inner join periods on valid_from <= as_of and (valid_to is null or valid_to > as_of)
left join aliases on alias = fct_petitions.unit_code;

-- The first due date that was known, for rule sets that measure against it.
create table by_hand_helpers.original_dues as
select distinct on (period_code, case_code) period_code, case_code, due_at as first_due_at
from periods
inner join fct_case_versions on valid_from <= as_of and due_at is not null
where due_date_basis = 'original_due'
order by period_code, case_code, valid_from;

create table by_hand_helpers.returns_told as
select case_code, status_code, min(valid_from) as first_told_on
from fct_case_versions
where status_code in (7, 8)
group by case_code, status_code;
analyze steps_known, supplements_known, contact_points, reviews_known, petitions_known,
    original_dues, returns_told;

-- ---------------------------------------------------------------------------------------------
-- Every case of a period's population goes by all that a figure asks of it into one table of counts.
-- `offset 0` again: what a step computes is not computed anew wherever the next ones name it.

create table by_hand_helpers.counts as
with eligible as (
    select distinct period_code, procedure_code
    from listed_procedures
    where day_of = 'window_end' and service_level >= 3
),

founded as (
    select distinct period_code, case_code from petitions_known where is_founded_conduct
),

known as (
    select
        periods.period_code,
        cases_from,
        cases_until,
        timeliness_mode,
        returned_bucket,
        case_code,
        coalesce(aliases.unit_code, versions.unit_code) as unit_code,
        procedure_code,
        channel_code = 2 as is_online,
        return_method = 1 and handed_over_at is not null as is_handed_over_by_post,
        cast(received_at as date) as received_date,
        versions.status_code in (7, 8) as is_returned,
        case
            when due_date_basis = 'original_due'
                then coalesce(first_due_before_at, first_due_at)
            else coalesce(last_due_after_at, due_at)
        end as due_at,
        case
            when versions.status_code in (7, 8)
                then coalesce(finished_at, handed_over_at, cast(first_told_on as timestamp))
            when finished_at is not null then finished_at
            when versions.status_code in (9, 10)
                then coalesce(handed_over_at, cast(valid_from as timestamp))
        end as ended_at,
        coalesce(requests, 0) as requests,
        coalesce(requests_not_applicants_fault, 0) as requests_not_applicants_fault,
        coalesce(agencies, 0) as agencies
    from fct_case_versions as versions
    inner join periods on valid_from <= as_of and (valid_to is null or valid_to > as_of)
    left join aliases on alias = versions.unit_code
    left join supplements_known using (period_code, case_code)
    left join original_dues using (period_code, case_code)
    left join returns_told using (case_code, status_code)
    where
        not is_cancelled
        and versions.status_code not in (1, 3)
        and (received_at < cases_until + 1 or versions.status_code in (7, 8))
    offset 0
),

placed as (
    select
        *,
        cast(due_at as date) as due_date,
        cast(ended_at as date) as ended_date,
        case
            when received_date > cases_until then null
            when received_date >= cases_from then 'newly_received'
            when ended_at is null or cast(ended_at as date) >= cases_from then 'carried_over'
        end as origin
    from known
    offset 0
),

judged as (
    select
        *,
        case
            when is_returned and ended_date < cases_from then null
            when is_returned and returned_bucket = 'outside' and ended_date <= cases_until
                then 'returned'
            when origin is null then null
            when ended_date between cases_from and cases_until
                then case
                    when due_at is null then 'settled_on_time'
                    when timeliness_mode = 'timestamp' and ended_at < due_at then 'settled_early'
                    when timeliness_mode = 'timestamp' and ended_at = due_at then 'settled_on_time'
                    when timeliness_mode = 'timestamp' then 'settled_late'
                    when ended_date < due_date then 'settled_early'
                    when ended_date = due_date then 'settled_on_time'
                    else 'settled_late'
                end
            when due_date < cases_until then 'in_progress_overdue'
            else 'in_progress_in_time'
        end as outcome
    from placed
    offset 0
)

select
    period_code,
    judged.unit_code,
    case when outcome <> 'returned' then origin end as origin,
    outcome,
    outcome in ('settled_early', 'settled_on_time', 'settled_late') as is_settled,
    is_returned and ended_date between cases_from and cases_until as is_returned,
    is_online,
    is_handed_over_by_post,
    outcome = 'settled_late' and not coalesce(reason = 1 and returned_date <= due_date, false)
        as is_late_after_review,
    founded.case_code is not null as has_founded_petition,
    eligible.procedure_code is not null as is_eligible,
    steps_known.points as points_2,
    requests,
    requests_not_applicants_fault,
    agencies,
    count(*) as cases
from judged
left join reviews_known using (period_code, case_code)
left join steps_known using (period_code, case_code)
left join founded using (period_code, case_code)
left join eligible using (period_code, procedure_code)
where outcome is not null
group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15;
analyze counts;

-- ---------------------------------------------------------------------------------------------
-- From here on everything is small.

create table by_hand_helpers.period_units as
select period_code, dim_units.unit_code, unit_name, display_order, cases_from, cases_until
from periods
cross join dim_units
where
    valid_from <= cases_until and (valid_to is null or valid_to >= cases_from)
    or (period_code, dim_units.unit_code) in (select period_code, unit_code from counts);

create table appendix_1 as
with counted as (
    select
        period_code,
        unit_code,
        sum(cases) filter (where origin = 'carried_over') as carried_over,
        sum(cases) filter (where origin = 'newly_received') as newly_received,
        sum(cases) filter (where outcome = 'settled_early') as settled_early,
        sum(cases) filter (where outcome = 'settled_on_time') as settled_on_time,
        sum(cases) filter (where outcome = 'settled_late') as settled_late,
        sum(cases) filter (where is_late_after_review) as settled_late_after_review,
        sum(cases) filter (where outcome = 'in_progress_in_time') as in_progress_in_time,
        sum(cases) filter (where outcome = 'in_progress_overdue') as in_progress_overdue,
        sum(cases) filter (where is_returned) as returned,
        sum(cases) filter (where is_online and origin is not null) as received_online,
        sum(cases) filter (where is_settled and is_handed_over_by_post) as returned_by_post,
        0 as counted_externally
    from counts
    group by period_code, unit_code
    union all
    select
        period_code, coalesce(aliases.unit_code, told.unit_code), carried_over, newly_received,
        settled_early, settled_on_time, settled_late, settled_late, in_progress_in_time,
        in_progress_overdue, returned, received_online, 0,
        coalesce(carried_over, 0) + coalesce(newly_received, 0)
    from fct_external_counts as told
    inner join periods
        on
            counted_from = cases_from
            and counted_to = cases_to
            and valid_from <= as_of
            and (valid_to is null or valid_to > as_of)
    left join aliases on alias = told.unit_code
),

added as (
    select
        period_code,
        unit_code,
        unit_name,
        display_order,
        cast(coalesce(sum(carried_over), 0) as bigint) as carried_over,
        cast(coalesce(sum(newly_received), 0) as bigint) as newly_received,
        cast(coalesce(sum(settled_early), 0) as bigint) as settled_early,
        cast(coalesce(sum(settled_on_time), 0) as bigint) as settled_on_time,
        cast(coalesce(sum(settled_late), 0) as bigint) as settled_late,
        cast(coalesce(sum(settled_late_after_review), 0) as bigint) as settled_late_after_review,
        cast(coalesce(sum(in_progress_in_time), 0) as bigint) as in_progress_in_time,
        cast(coalesce(sum(in_progress_overdue), 0) as bigint) as in_progress_overdue,
        cast(coalesce(sum(returned), 0) as bigint) as returned,
        cast(coalesce(sum(received_online), 0) as bigint) as received_online,
        cast(coalesce(sum(returned_by_post), 0) as bigint) as returned_by_post,
        cast(coalesce(sum(counted_externally), 0) as bigint) as counted_externally
    from period_units
    left join counted using (period_code, unit_code)
    group by period_code, unit_code, unit_name, display_order
)

select
    *,
    carried_over + newly_received as total,
    settled_early + settled_on_time + settled_late as settled_total,
    in_progress_in_time + in_progress_overdue as in_progress_total
from added;
alter table appendix_1
    add primary key (period_code, unit_code),
    add check (total = settled_total + in_progress_total);

create table appendix_2 as
with counted as (
    select
        period_code,
        coalesce(aliases.unit_code, fct_ratings.unit_code) as unit_code,
        count(*) filter (where button = 1) as satisfied_service,
        count(*) filter (where button = 2) as satisfied_attitude,
        count(*) filter (where button = 3) as dissatisfied_competence,
        count(*) filter (where button = 4) as dissatisfied_time,
        count(*) filter (where button = 5) as comments,
        count(*) as total
    from fct_ratings
    inner join periods
        on pressed_at >= ratings_from and pressed_at < ratings_until + 1 and known_on <= as_of
    left join aliases on alias = fct_ratings.unit_code
    group by 1, 2
)

select
    period_code,
    unit_code,
    period_units.unit_name,
    period_units.display_order,
    coalesce(satisfied_service, 0) as satisfied_service,
    coalesce(satisfied_attitude, 0) as satisfied_attitude,
    coalesce(dissatisfied_competence, 0) as dissatisfied_competence,
    coalesce(dissatisfied_time, 0) as dissatisfied_time,
    coalesce(comments, 0) as comments,
    coalesce(counted.total, 0) as total,
    settled_total,
    100 * cast(coalesce(counted.total, 0) as numeric) / nullif(settled_total, 0)
        as coverage_percent
from period_units
left join counted using (period_code, unit_code)
inner join appendix_1 using (period_code, unit_code);
alter table appendix_2 add primary key (period_code, unit_code);

create table appendix_4 as
with counted as (
    select
        period_code,
        unit_code,
        count(*) as procedures_listed,
        nullif(count(*) filter (where is_approved), 0) as approved,
        count(*) filter (where is_on_software) as on_software,
        min(time_unit) filter (where is_approved) as lowest_time_unit,
        max(time_unit) filter (where is_approved) as highest_time_unit
    from listed_procedures
    where day_of = 'processes'
    group by period_code, unit_code
),

notes as (
    select period_code, unit_code, string_agg(note, '; ' order by first_procedure) as note
    from (
        select period_code, unit_code, note, min(procedure_code) as first_procedure
        from listed_procedures
        where day_of = 'processes' and note is not null
        group by period_code, unit_code, note
    ) as noted
    group by period_code, unit_code
)

select
    period_code,
    unit_code,
    unit_name,
    display_order,
    coalesce(procedures_listed, 0) as procedures_listed,
    approved as processes_approved,
    case when approved is not null then on_software end as processes_on_software,
    100 * cast(on_software as numeric) / approved as completion_percent,
    case
        when lowest_time_unit = highest_time_unit then lowest_time_unit
        when lowest_time_unit is not null then 'ngay_gio'
    end as time_unit,
    note
from period_units
left join counted using (period_code, unit_code)
left join notes using (period_code, unit_code);
alter table appendix_4 add primary key (period_code, unit_code);

create table by_hand_helpers.indicators as
with pointed as (
    select
        counts.*,
        timeliness.points as points_1,
        points_3,
        points_4,
        attitude.points as points_7
    from counts
    left join contact_points
        using (period_code, requests, requests_not_applicants_fault, agencies)
    left join rules as timeliness
        on
            timeliness.period_code = counts.period_code
            and timeliness.indicator = 1
            and outcome = 'settled_' || timeliness.condition
    left join rules as attitude
        on
            attitude.period_code = counts.period_code
            and attitude.indicator = 7
            and attitude.condition = case
                when has_founded_petition or outcome = 'settled_late'
                    then 'late_or_founded_petition'
                else replace(outcome, 'settled_', '') || '_without_founded_petition'
            end
    where is_settled
),

of_procedures as (
    select
        period_code,
        unit_code,
        count(*) as listed,
        count(*) filter (where is_on_the_spot) as on_the_spot,
        count(*) filter (where is_handled_at_centre) as handled_at_centre,
        count(*) filter (where service_level >= 3) as offered_online,
        min(coalesce(publicity, 0)) as least_publicity
    from listed_procedures
    where day_of = 'window_end'
    group by period_code, unit_code
),

of_petitions as (
    select
        period_code,
        period_units.unit_code,
        count(petitions_known.period_code) as received,
        count(*) filter (where is_on_time) as on_time,
        count(*) filter (where is_protracted) as protracted
    from period_units
    left join (select * from petitions_known where is_in_window) as petitions_known
        using (period_code, unit_code)
    group by period_code, period_units.unit_code
),

online as (
    select
        period_code,
        counts.unit_code,
        coalesce(
            sum(cases) filter (
                where origin = 'newly_received' and (is_eligible or online_denominator = 'all')
            ), 0
        ) as usable,
        coalesce(
            sum(cases) filter (
                where origin = 'newly_received' and (is_eligible or online_denominator = 'all')
                and is_online
            ), 0
        ) as used,
        coalesce(
            sum(cases) filter (
                where is_online and outcome in ('settled_late', 'in_progress_overdue')
            ), 0
        ) as late
    from counts
    inner join periods using (period_code)
    group by period_code, counts.unit_code
)

select
    period_code, unit_code, indicator, sum(points * cases) / sum(cases) as value
from pointed
cross join lateral (
    values (1, points_1), (2, points_2), (3, points_3), (4, points_4), (7, points_7)
) as of_cases (indicator, points)
where points is not null
group by period_code, unit_code, indicator
union all
select period_code, unit_code, 5, max(points)
from of_procedures
inner join rules using (period_code)
where
    indicator = 5 and (
        condition = 'otherwise'
        or condition = 'on_the_spot_share' and 100 * on_the_spot >= min_share_percent * listed
        or condition = 'handled_at_centre_share'
        and 100 * handled_at_centre >= min_share_percent * listed
    )
group by period_code, unit_code
union all
select period_code, unit_code, 6, least_publicity from of_procedures
union all
select period_code, unit_code, 8, max(points)
from of_petitions
inner join rules using (period_code)
where
    indicator = 8 and (
        condition = 'otherwise'
        or 100 * on_time >= min_share_percent * received and protracted <= max_count
    )
group by period_code, unit_code
union all
select period_code, unit_code, 9, max(points)
from of_procedures
left join online using (period_code, unit_code)
inner join rules using (period_code)
where
    indicator = 9 and (
        condition = 'otherwise'
        or 100 * offered_online >= coalesce(min_share_percent, 0) * listed
        and (above_share_percent is null or 100 * offered_online > above_share_percent * listed)
        and 100 * coalesce(used, 0) >= min_online_percent * coalesce(usable, 0)
        and (coalesce(usable, 0) > 0 or min_online_percent <= 0)
        and coalesce(late, 0) <= max_count
    )
group by period_code, unit_code;

create table scorecard as
with evidence as (
    select
        period_code,
        unit_code,
        indicator,
        form,
        rounding_digits,
        round(value, rounding_digits) as rounded,
        case when total_of = 'rounded' then round(value, rounding_digits) else value end as added
    from period_units
    inner join (select distinct period_code, indicator, form from rules) as forms
        using (period_code)
    inner join periods using (period_code)
    left join indicators using (period_code, unit_code, indicator)
),

summed as (
    select
        period_code,
        unit_code,
        max(rounded) filter (where indicator = 1) as indicator_1,
        max(rounded) filter (where indicator = 2) as indicator_2,
        max(rounded) filter (where indicator = 3) as indicator_3,
        max(rounded) filter (where indicator = 4) as indicator_4,
        max(rounded) filter (where indicator = 5) as indicator_5,
        max(rounded) filter (where indicator = 6) as indicator_6,
        max(rounded) filter (where indicator = 7) as indicator_7,
        max(rounded) filter (where indicator = 8) as indicator_8,
        max(rounded) filter (where indicator = 9) as indicator_9,
        case
            when bool_and(added is not null) filter (where form = 1)
                then sum(added) filter (where form = 1)
        end as form_1,
        case
            when bool_and(added is not null) filter (where form = 2)
                then sum(added) filter (where form = 2)
        end as form_2
    from evidence
    group by period_code, unit_code
),

totals as (
    select
        summed.*,
        round(form_1, rounding_digits) as form_1_total,
        round(form_2, rounding_digits) as form_2_total,
        round(form_1 + form_2, rounding_digits) as total,
        band_excellent_from, band_good_from, band_fair_from, band_average_from
    from summed
    inner join periods using (period_code)
),

handled as (
    select
        period_code,
        unit_code,
        sum(cases) filter (where origin = 'newly_received') as received,
        sum(cases) filter (where is_settled) as settled
    from counts
    group by period_code, unit_code
)

select
    period_code,
    unit_code,
    unit_name,
    display_order,
    cast(coalesce(received, 0) as bigint) as received,
    cast(coalesce(settled, 0) as bigint) as settled,
    indicator_1, indicator_2, indicator_3, indicator_4, indicator_5, indicator_6, indicator_7,
    indicator_8, indicator_9, form_1_total, form_2_total, total,
    case
        when total >= band_excellent_from then 'xuất sắc'
        when total >= band_good_from then 'tốt'
        when total >= band_fair_from then 'khá'
        when total >= band_average_from then 'trung bình'
        when total is not null then 'yếu'
    end as band,
    case
        when total is not null
            then cast(
                dense_rank() over (partition by period_code order by total desc nulls last)
                as integer
            )
    end as rank
from period_units
left join handled using (period_code, unit_code)
left join totals using (period_code, unit_code);
alter table scorecard
    add primary key (period_code, unit_code),
    add check (total between 0 and 18);
analyze appendix_1, appendix_2, appendix_4, scorecard;

drop schema by_hand_helpers cascade;
