-- Nothing is lost or doubled between the cases and the table: its totals are the number of cases of
-- the period plus the counts of other software.

with

cases as (

    select
        period_code,
        count(origin) as total
    from {{ ref('int_period_cases') }}
    where period_code in (select due.period_code from {{ ref('int_periods_due') }} as due)
    group by period_code

),

tables as (

    select
        period_code,
        sum(total) as total,
        sum(counted_externally) as counted_externally,
        sum(settled_total + in_progress_total) as placed
    from {{ ref('appendix_1') }}
    where period_code in (select due.period_code from {{ ref('int_periods_due') }} as due)
    group by period_code

),

final as (

    select
        tables.period_code,
        tables.total,
        tables.placed,
        tables.counted_externally,
        cases.total as cases
    from tables
    left join cases on tables.period_code = cases.period_code
    where
        tables.total <> coalesce(cases.total, 0) + tables.counted_externally
        or tables.placed <> tables.total

)

select * from final
