-- The index of what must exist, unit by indicator, filled with what could be computed: missing
-- evidence is a row that says so, not an absent one.

with

units as (

    select * from {{ ref('int_period_units') }}

),

rules as (

    select distinct
        period_code,
        indicator
    from {{ ref('int_rule_points') }}

),

computed as (

    {% for model in [
        'ind_1_handling_time', 'ind_2_step_time', 'ind_3_contacts', 'ind_4_agencies',
        'ind_5_done_at_centre', 'ind_6_publicity', 'ind_7_attitude', 'ind_8_petitions',
        'ind_9_online',
    ] -%}
    select * from {{ ref(model) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (

    select
        units.period_code,
        units.unit_code,
        units.unit_name,
        units.display_order,
        rules.indicator,
        computed.numerator,
        computed.denominator,
        computed.unrounded_value,
        -- 5 and 6 rest on what the units say of their procedures, not on what was recorded of cases.
        case
            when computed.unrounded_value is null then 'missing'
            when rules.indicator in (5, 6) then 'declared'
            else 'computed'
        end as evidence_kind,
        coalesce(computed.denominator, 0) < 30 as small_denominator
    from units
    inner join rules on units.period_code = rules.period_code
    left join computed
        on
            units.period_code = computed.period_code
            and units.unit_code = computed.unit_code
            and rules.indicator = computed.indicator

)

select * from final
