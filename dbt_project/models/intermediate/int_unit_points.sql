-- Points of the settled cases of each unit, added up and counted, for the indicators that are means of
-- points of cases. One pass over the cases serves all of them.

with

cases as (

    select * from {{ ref('int_period_cases') }}
    where
        is_settled
        and period_code in (select due.period_code from {{ ref('int_periods_due') }} as due)

),

final as (

    select
        period_code,
        unit_code,
    {%- for indicator in [1, 2, 3, 4, 7] %}
        cast(sum(points_{{ indicator }}) as numeric) as points_{{ indicator }},
        cast(count(points_{{ indicator }}) as numeric) as cases_{{ indicator }}
        {{- ',' if not loop.last }}
    {%- endfor %}
    from cases
    group by period_code, unit_code

)

select * from final
