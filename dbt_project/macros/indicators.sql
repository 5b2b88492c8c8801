{# Indicators 1, 2, 3, 4 and 7: the mean of the points of the settled cases that have evidence. #}
{% macro mean_of_case_points(indicator) -%}
with

units as (

    select * from {{ ref('int_unit_points') }}
    where cases_{{ indicator }} > 0

),

final as (

    select
        period_code,
        unit_code,
        {{ indicator }} as indicator,
        points_{{ indicator }} as numerator,
        cases_{{ indicator }} as denominator,
        points_{{ indicator }} / cases_{{ indicator }} as unrounded_value
    from units

)

select * from final
{%- endmacro %}
