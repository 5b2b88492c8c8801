{# Indicators 1, 2, 3, 4 and 7: the mean of the points of the settled cases that have evidence. #}
{% macro mean_of_case_points(indicator) -%}
with

cases as (

    select * from {{ ref('int_period_cases') }}
    where
        is_settled
        and points_{{ indicator }} is not null
        and period_code in (select due.period_code from {{ ref('int_periods_due') }} as due)

),

final as (

    select
        period_code,
        unit_code,
        {{ indicator }} as indicator,
        cast(sum(points_{{ indicator }}) as numeric) as numerator,
        cast(count(*) as numeric) as denominator,
        cast(sum(points_{{ indicator }}) as numeric) / count(*) as unrounded_value
    from cases
    group by period_code, unit_code

)

select * from final
{%- endmacro %}
