with

units as (

    select * from {{ ref('int_period_units') }}

),

ratings as (

    select * from {{ ref('int_period_ratings') }}
    where period_code in (select units.period_code from units)

),

settled as (

    select * from {{ ref('appendix_1') }}

),

counted as (

    select
        period_code,
        unit_code,
        count(*) filter (where button = 1) as satisfied_service,
        count(*) filter (where button = 2) as satisfied_attitude,
        count(*) filter (where button = 3) as dissatisfied_competence,
        count(*) filter (where button = 4) as dissatisfied_time,
        count(*) filter (where button = 5) as comments,
        count(*) as total
    from ratings
    group by period_code, unit_code

),

final as (

    select
        units.period_code,
        units.unit_code,
        units.unit_name,
        units.display_order,
        coalesce(counted.satisfied_service, 0) as satisfied_service,
        coalesce(counted.satisfied_attitude, 0) as satisfied_attitude,
        coalesce(counted.dissatisfied_competence, 0) as dissatisfied_competence,
        coalesce(counted.dissatisfied_time, 0) as dissatisfied_time,
        coalesce(counted.comments, 0) as comments,
        coalesce(counted.total, 0) as total,
        settled.settled_total,
        100 * cast(coalesce(counted.total, 0) as numeric)
        / nullif(settled.settled_total, 0) as coverage_percent
    from units
    left join counted
        on
            units.period_code = counted.period_code
            and units.unit_code = counted.unit_code
    inner join settled
        on
            units.period_code = settled.period_code
            and units.unit_code = settled.unit_code

)

select * from final
