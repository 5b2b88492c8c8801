with

final as (

    select
        {{ clean('rule_set') }} as rule_set,
        {{ whole(clean('indicator')) }} as indicator,
        {{ whole(clean('form')) }} as form,
        cast({{ clean('points') }} as numeric) as points,
        {{ clean('condition') }} as condition,
        cast({{ clean('min_share_percent') }} as numeric) as min_share_percent,
        cast({{ clean('above_share_percent') }} as numeric) as above_share_percent,
        cast({{ clean('min_online_percent') }} as numeric) as min_online_percent,
        cast({{ clean('max_count') }} as numeric) as max_count,
        {{ clean('title_vi') }} as title_vi,
        {{ clean('title_en') }} as title_en,
        {{ clean('source') }} as source
    from {{ source('reference', 'scoring_rules') }}
    where reference_sha256 = '{{ var("reference_sha256") }}'

)

select * from final
