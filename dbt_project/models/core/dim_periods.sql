with

periods as (

    select * from {{ ref('stg_reference__reporting_periods') }}

),

rule_sets as (

    select * from {{ ref('stg_reference__rule_sets') }}

),

final as (

    select
        periods.period_code,
        periods.kind,
        periods.label_vi,
        periods.label_en,
        periods.cases_from,
        periods.cases_to,
        periods.ratings_from,
        periods.ratings_to,
        periods.processes_as_of,
        periods.known_as_of,
        periods.publish_on,
        periods.rule_set,
        rule_sets.timeliness_mode,
        rule_sets.returned_bucket,
        rule_sets.due_date_basis,
        rule_sets.online_denominator,
        rule_sets.rounding_digits,
        rule_sets.total_of,
        rule_sets.band_excellent_from,
        rule_sets.band_good_from,
        rule_sets.band_fair_from,
        rule_sets.band_average_from,
        '{{ var("reference_sha256") }}' as reference_sha256
    from periods
    inner join rule_sets on periods.rule_set = rule_sets.rule_set

)

select * from final
