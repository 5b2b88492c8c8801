-- Which expected days have come, when, and with how much: one place for the gates, status and pages.

create function ops.working_days(pack text, first_day date, last_day date)
returns table (day date)
language sql stable
as $$
    with exceptions as (
        select
            cast(calendar.date as date) as day,
            lower(calendar.is_working_day) in ('true', 't', '1', 'yes') as is_working
        from reference.calendar as calendar
        where calendar.reference_sha256 = working_days.pack
    )

    select cast(days.day as date)
    from generate_series(
        cast(first_day as timestamp), cast(last_day as timestamp), interval '1 day'
    ) as days (day)
    left join exceptions on cast(days.day as date) = exceptions.day
    where coalesce(exceptions.is_working, extract(isodow from days.day) <= 5)
$$;
comment on function ops.working_days is
    'Mondays to Fridays, with the exceptions of the calendar of a reference pack.';

-- A kiosk is served by files whose part is its name, and by those whose part names no kiosk: such a
-- file is of the whole Centre. Hence other_kiosks: a file serves the row unless its part is in it.
create function ops.expected_days(pack text, last_day date)
returns table (feed text, kiosk text, other_kiosks text[], day date)
language sql stable
as $$
    with kiosks as (
        select
            kiosks.kiosk,
            cast(nullif(kiosks.valid_from, '') as date) as valid_from,
            cast(nullif(kiosks.valid_to, '') as date) as valid_to
        from reference.kiosks as kiosks
        where kiosks.reference_sha256 = expected_days.pack
    ),

    feeds as (
        select feeds.feed, cast(nullif(feeds.expected_from, '') as date) as expected_from
        from reference.feeds as feeds
        where feeds.reference_sha256 = expected_days.pack and feeds.expected = 'working_days'
    ),

    days as (
        select feeds.feed, working.day
        from ops.working_days(
            expected_days.pack, (select min(expected_from) from feeds), expected_days.last_day
        ) as working
        inner join feeds on working.day >= feeds.expected_from
    )

    select distinct
        days.feed,
        valid.kiosk,
        case
            when valid.kiosk is null then cast('{}' as text[])
            else array(
                select distinct others.kiosk from kiosks as others
                where others.kiosk <> valid.kiosk
            )
        end,
        days.day
    from days
    left join kiosks as valid
        on
            days.feed = 'ratings'
            and days.day >= coalesce(valid.valid_from, days.day)
            and days.day <= coalesce(valid.valid_to, days.day)
$$;
comment on function ops.expected_days is
    'What a reference pack expects up to a day: feed and working day, ratings by valid kiosk.';

create function ops.completeness_at(
    pack text,
    at timestamp default now() at time zone 'Asia/Ho_Chi_Minh',
    deadline time default '07:00'
)
returns table (
    feed text,
    day date,
    kiosk text,
    is_expected boolean,
    state text,
    files bigint,
    quarantined bigint,
    records bigint,
    rejected bigint,
    complete_at timestamp,
    late_by interval,
    usual_records double precision,
    absent_kiosks text[],
    file_ids integer[]
)
language sql stable
as $$
    with ranked as (
        select
            files.*,
            files.loaded_at at time zone 'Asia/Ho_Chi_Minh' as came_at,
            max(files.revision) filter (where files.state = 'loaded') over (
                partition by files.feed, files.business_date, files.part
            ) as highest_revision
        from raw.files as files
    ),

    manifest as (
        select *, ranked.state = 'loaded' and revision = highest_revision as is_counting
        from ranked
    ),

    bounds as (
        select
            min(came_at) as started_at,
            max(business_date) filter (
                where business_date <= cast(completeness_at.at as date)
            ) as newest_day
        from manifest
    ),

    expected as (
        select * from ops.expected_days(
            completeness_at.pack, cast(completeness_at.at as date)
        )
    ),

    sources as (
        select
            expected.feed,
            expected.day,
            expected.kiosk,
            count(*) filter (where manifest.is_counting) as files,
            count(*) filter (where manifest.state = 'quarantined') as quarantined,
            -- What a file of the whole Centre holds of one kiosk, the manifest does not say.
            sum(manifest.loaded) filter (
                where
                    manifest.is_counting
                    and coalesce(manifest.part = expected.kiosk, true)
            ) as records,
            sum(manifest.rejected) filter (
                where
                    manifest.is_counting
                    and coalesce(manifest.part = expected.kiosk, true)
            ) as rejected,
            min(manifest.came_at) filter (where manifest.state = 'loaded') as complete_at,
            array_agg(manifest.file_id order by manifest.file_id)
                filter (where manifest.is_counting) as file_ids
        from expected
        left join manifest
            on
                expected.feed = manifest.feed
                and expected.day = manifest.business_date
                and manifest.part <> all(expected.other_kiosks)
        group by expected.feed, expected.day, expected.kiosk
    ),

    judged as (
        select
            sources.*,
            sources.day + 1 + completeness_at.deadline as due_at,
            case
                when sources.files > 0 then 'present'
                when sources.quarantined > 0 then 'quarantined'
                when
                    sources.day <= bounds.newest_day
                    or sources.day + 1 + completeness_at.deadline < completeness_at.at
                    then 'missing'
                else 'due'
            end as state
        from sources
        cross join bounds
    ),

    days_judged as (
        select
            judged.feed,
            judged.day,
            judged.due_at,
            case max(array_position(
                array['present', 'due', 'quarantined', 'missing'], judged.state
            ))
                when 1 then 'present' when 2 then 'due' when 3 then 'quarantined'
                else 'missing'
            end as state,
            -- Complete is a day when the last of its kiosks has come.
            case when bool_and(judged.files > 0) then max(judged.complete_at) end as complete_at,
            array_agg(judged.kiosk order by judged.kiosk)
                filter (where judged.files = 0 and judged.kiosk is not null) as absent_kiosks
        from judged
        group by judged.feed, judged.day, judged.due_at
    ),

    days_come as (
        select
            manifest.feed,
            manifest.business_date as day,
            count(*) filter (where manifest.is_counting) as files,
            count(*) filter (where manifest.state = 'quarantined') as quarantined,
            sum(manifest.loaded) filter (where manifest.is_counting) as records,
            sum(manifest.rejected) filter (where manifest.is_counting) as rejected,
            min(manifest.came_at) filter (where manifest.state = 'loaded') as complete_at,
            array_agg(manifest.file_id order by manifest.file_id)
                filter (where manifest.is_counting) as file_ids
        from manifest
        group by manifest.feed, manifest.business_date
    ),

    all_days as (
        select
            coalesce(days_judged.feed, days_come.feed) as feed,
            coalesce(days_judged.day, days_come.day) as day,
            cast(null as text) as kiosk,
            days_judged.feed is not null as is_expected,
            coalesce(
                days_judged.state,
                case when days_come.files > 0 then 'present' else 'quarantined' end
            ) as state,
            coalesce(days_come.files, 0) as files,
            coalesce(days_come.quarantined, 0) as quarantined,
            days_come.records,
            days_come.rejected,
            case
                when days_judged.feed is null then days_come.complete_at
                else days_judged.complete_at
            end as complete_at,
            days_judged.due_at,
            days_judged.absent_kiosks,
            days_come.file_ids
        from days_judged
        full join days_come
            on days_judged.feed = days_come.feed and days_judged.day = days_come.day

        union all

        select
            feed,
            day,
            kiosk,
            true,
            state,
            files,
            quarantined,
            records,
            rejected,
            complete_at,
            due_at,
            null,
            file_ids
        from judged
        where kiosk is not null
    ),

    -- The recent past: up to 20 working days before with files, at least 5.
    before as (
        select
            all_days.feed,
            all_days.day,
            all_days.kiosk,
            array_agg(all_days.records) over (
                partition by all_days.feed, all_days.kiosk order by all_days.day
                rows between 20 preceding and 1 preceding
            ) as records_before
        from all_days
        inner join ops.working_days(
            completeness_at.pack,
            (select min(all_days.day) from all_days),
            (select max(all_days.day) from all_days)
        ) as working on all_days.day = working.day
        where all_days.records is not null
    )

    select
        all_days.feed,
        all_days.day,
        all_days.kiosk,
        all_days.is_expected,
        -- A day whose deadline passed before this warehouse took its first file is not late.
        case
            when
                all_days.state = 'present' and all_days.complete_at > all_days.due_at
                and bounds.started_at <= all_days.due_at
                then 'late'
            else all_days.state
        end,
        all_days.files,
        all_days.quarantined,
        coalesce(all_days.records, 0),
        coalesce(all_days.rejected, 0),
        all_days.complete_at,
        case
            when all_days.complete_at > all_days.due_at and bounds.started_at <= all_days.due_at
                then all_days.complete_at - all_days.due_at
        end,
        (
            select percentile_cont(0.5) within group (order by past.records)
            from unnest(before.records_before) as past (records)
            where cardinality(before.records_before) >= 5
        ),
        coalesce(all_days.absent_kiosks, '{}'),
        coalesce(all_days.file_ids, '{}')
    from all_days
    cross join bounds
    left join before
        on
            all_days.feed = before.feed
            and all_days.day = before.day
            and all_days.kiosk is not distinct from before.kiosk
$$;
comment on function ops.completeness_at is
    'One row for each feed and day that is expected or has come (kiosk empty), and for each kiosk'
    ' expected to tell ratings. state: present, late (after the deadline on the next day),'
    ' quarantined (only such files), missing, due (the deadline has not passed). complete_at: local'
    ' time of the first complete state. usual_records: median of the working days before.';

create view ops.completeness as
select
    days.*,
    100 * days.records / nullif(days.usual_records, 0) as percent_of_usual
from ops.completeness_at(coalesce(
    (select reference_sha256 from reference.builds order by build_number desc limit 1),
    (select reference_sha256 from reference.packs order by stored_at desc limit 1)
)) as days;
comment on view ops.completeness is
    'ops.completeness_at by the pack of the last build, now, with the deadline at 07:00.';

create table ops.landing_waivers (
    feed text not null,
    day date not null,
    file_ids integer[] not null,
    records bigint not null,
    usual_records double precision not null,
    name text not null check (btrim(name) <> ''),
    reason text not null check (btrim(reason) <> ''),
    waived_at timestamptz not null default clock_timestamp(),
    primary key (feed, day, file_ids)
);
comment on table ops.landing_waivers is
    'Days with next to no records that a named person let through, with the files of that moment.';

create function ops.refuse_change() returns trigger
language plpgsql as $$
begin
    raise exception '%.% is insert-only: % is not possible', tg_table_schema, tg_table_name, tg_op;
end
$$;

create trigger insert_only before update or delete or truncate on ops.landing_waivers
for each statement execute function ops.refuse_change();

grant select, insert on ops.landing_waivers to motcua_transformer;
grant select on ops.landing_waivers to motcua_publisher, motcua_loader, ops_reader;
grant select on ops.completeness to motcua_transformer, motcua_publisher, ops_reader;
