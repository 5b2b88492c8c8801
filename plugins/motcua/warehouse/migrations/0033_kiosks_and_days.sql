-- A file of ratings serves its own kiosk, and without a part all of them: a part that is no kiosk of
-- the pack (a misspelt one) serves none. And no date, however far off, makes endless days.

create or replace function ops.expected_days(pack text, last_day date)
returns table (feed text, kiosk text, other_kiosks text[], day date)
language sql stable
as $$
    with counters as (
        select
            kiosks.kiosk,
            coalesce(cast(nullif(kiosks.valid_from, '') as date), '-infinity') as valid_from,
            coalesce(cast(nullif(kiosks.valid_to, '') as date), 'infinity') as valid_to
        from reference.kiosks as kiosks
        where kiosks.reference_sha256 = expected_days.pack
    ),

    kiosks as (
        select
            counters.kiosk,
            array(
                select others.kiosk from counters as others
                where others.kiosk <> counters.kiosk
                union
                select files.part from raw.files as files
                where files.feed = 'ratings' and files.part not in ('', counters.kiosk)
            ) as other_kiosks
        from counters
        group by counters.kiosk
    ),

    feeds as (
        select feeds.feed, min(cast(nullif(feeds.expected_from, '') as date)) as expected_from
        from reference.feeds as feeds
        where feeds.reference_sha256 = expected_days.pack and feeds.expected = 'working_days'
        group by feeds.feed
    ),

    days as (
        select feeds.feed, working.day
        from ops.working_days(
            expected_days.pack, (select min(expected_from) from feeds), expected_days.last_day
        ) as working
        inner join feeds on working.day >= feeds.expected_from
    )

    select days.feed, kiosks.kiosk, coalesce(kiosks.other_kiosks, '{}'), days.day
    from days
    left join kiosks
        on
            days.feed = 'ratings'
            and exists (
                select from counters
                where
                    counters.kiosk = kiosks.kiosk
                    and days.day between counters.valid_from and counters.valid_to
            )
$$;
comment on function ops.expected_days is
    'What a reference pack expects up to a day: feed and working day, ratings by valid kiosk. A file'
    ' whose part is in other_kiosks does not serve the row.';

create or replace function ops.working_days(pack text, first_day date, last_day date)
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
        cast(greatest(first_day, date '1990-01-01') as timestamp),
        cast(least(last_day, current_date + 3653) as timestamp),
        interval '1 day'
    ) as days (day)
    left join exceptions on cast(days.day as date) = exceptions.day
    where coalesce(exceptions.is_working, extract(isodow from days.day) <= 5)
$$;
comment on function ops.working_days is
    'Mondays to Fridays from 1990 to ten years ahead, with the exceptions of the calendar of a pack.';
