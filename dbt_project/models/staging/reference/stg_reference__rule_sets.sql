with

final as (

    select
        {{ clean('rule_set') }} as rule_set,
        {{ clean('legal_basis') }} as legal_basis,
        cast({{ local_time(clean('valid_from')) }} as date) as valid_from,
        cast({{ local_time(clean('valid_to')) }} as date) as valid_to,
        {{ clean('timeliness_mode') }} as timeliness_mode,
        {{ clean('returned_bucket') }} as returned_bucket,
        {{ clean('due_date') }} as due_date_basis,
        {{ clean('online_denominator') }} as online_denominator,
        {{ whole(clean('rounding_digits')) }} as rounding_digits,
        {{ clean('total_of') }} as total_of,
        cast({{ clean('band_excellent_from') }} as numeric) as band_excellent_from,
        cast({{ clean('band_good_from') }} as numeric) as band_good_from,
        cast({{ clean('band_fair_from') }} as numeric) as band_fair_from,
        cast({{ clean('band_average_from') }} as numeric) as band_average_from
    from {{ source('reference', 'rule_sets') }}
    where reference_sha256 = '{{ var("reference_sha256") }}'

)

select * from final
