with

periods as (

    select * from {{ ref('int_periods_due') }}

),

units as (

    select * from {{ ref('int_period_units') }}

),

evidence as (

    select * from {{ ref('indicator_evidence') }}
    where period_code in (select due.period_code from periods as due)

),

forms as (

    select distinct
        period_code,
        indicator,
        form
    from {{ ref('int_rule_points') }}

),

cases as (

    select
        period_code,
        unit_code,
        count(*) filter (where origin = 'newly_received') as received,
        count(*) filter (where is_settled) as settled
    from {{ ref('int_period_cases') }}
    where period_code in (select due.period_code from periods as due)
    group by period_code, unit_code

),

pivoted as (

    select
        evidence.period_code,
        evidence.unit_code,
        {% for number in range(1, 10) -%}
        max(
            round(evidence.unrounded_value, periods.rounding_digits)
        ) filter (where evidence.indicator = {{ number }}) as indicator_{{ number }},
        {% endfor -%}
        {% for number in [1, 2] -%}
        case
            when bool_and(evidence.unrounded_value is not null)
                filter (where forms.form = {{ number }})
                then sum(
                    case
                        when periods.total_of = 'rounded'
                            then round(evidence.unrounded_value, periods.rounding_digits)
                        else evidence.unrounded_value
                    end
                ) filter (where forms.form = {{ number }})
        end as form_{{ number }}_sum{{ ',' if not loop.last }}
        {% endfor %}
    from evidence
    inner join periods on evidence.period_code = periods.period_code
    inner join forms
        on
            evidence.period_code = forms.period_code
            and evidence.indicator = forms.indicator
    group by evidence.period_code, evidence.unit_code

),

summed as (

    select
        pivoted.*,
        round(pivoted.form_1_sum, periods.rounding_digits) as form_1_total,
        round(pivoted.form_2_sum, periods.rounding_digits) as form_2_total,
        round(pivoted.form_1_sum + pivoted.form_2_sum, periods.rounding_digits) as total,
        periods.band_excellent_from,
        periods.band_good_from,
        periods.band_fair_from,
        periods.band_average_from
    from pivoted
    inner join periods on pivoted.period_code = periods.period_code

),

ranked as (

    select
        summed.*,
        case
            when summed.total is null then null
            when summed.total >= summed.band_excellent_from then 'xuất sắc'
            when summed.total >= summed.band_good_from then 'tốt'
            when summed.total >= summed.band_fair_from then 'khá'
            when summed.total >= summed.band_average_from then 'trung bình'
            else 'yếu'
        end as band,
        case
            when summed.total is not null
                then dense_rank() over (
                    partition by summed.period_code
                    order by summed.total desc nulls last
                )
        end as rank
    from summed

),

final as (

    select
        units.period_code,
        units.unit_code,
        units.unit_name,
        units.display_order,
        coalesce(cases.received, 0) as received,
        coalesce(cases.settled, 0) as settled,
        {% for number in range(1, 10) -%}
        ranked.indicator_{{ number }},
        {% endfor -%}
        ranked.form_1_total,
        ranked.form_2_total,
        ranked.total,
        ranked.band,
        cast(ranked.rank as {{ dbt.type_int() }}) as rank
    from units
    left join cases
        on
            units.period_code = cases.period_code
            and units.unit_code = cases.unit_code
    left join ranked
        on
            units.period_code = ranked.period_code
            and units.unit_code = ranked.unit_code

)

select * from final
