-- The pages ask for the last runs, and for some days of completeness: both without reading all.

create index dbt_results_by_time on ops.dbt_results (finished_at);
create index gate_results_by_subject on ops.gate_results (gate, subject, checked_at);

-- The same rows as before; the kiosks beside a kiosk are looked up once and not for each day.
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
                select distinct others.kiosk from counters as others
                where others.kiosk <> counters.kiosk
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
