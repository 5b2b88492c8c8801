-- Counts of other software whose window is the period's window, as known on the period's day.

with

periods as (

    select * from {{ ref('int_periods_due') }}

),

counts as (

    select * from {{ ref('fct_external_counts') }}

),

final as (

    select
        periods.period_code,
        counts.unit_code,
        {% for figure in [
            'carried_over', 'newly_received', 'settled_early', 'settled_on_time', 'settled_late',
            'in_progress_in_time', 'in_progress_overdue', 'returned', 'received_online',
        ] -%}
        sum(coalesce(counts.{{ figure }}, 0)) as {{ figure }}{{ ',' if not loop.last }}
        {% endfor %}
    from counts
    inner join periods
        on
            counts.counted_from = periods.cases_from
            and counts.counted_to = periods.cases_to
            and {{ known_on('counts', 'periods.as_of') }}
    group by periods.period_code, counts.unit_code

)

select * from final
