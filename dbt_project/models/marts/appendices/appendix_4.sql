with

units as (

    select * from {{ ref('int_period_units') }}

),

procedures as (

    select * from {{ ref('int_period_procedures') }}
    where
        day_of = 'processes'
        and period_code in (select due.period_code from {{ ref('int_periods_due') }} as due)

),

counted as (

    select
        period_code,
        unit_code,
        count(*) as procedures_listed,
        nullif(count(*) filter (where has_approved_process), 0) as processes_approved,
        count(*) filter (where has_process_on_software) as processes_on_software,
        min(time_unit) filter (where has_approved_process) as lowest_time_unit,
        max(time_unit) filter (where has_approved_process) as highest_time_unit
    from procedures
    group by period_code, unit_code

),

noted as (

    select
        period_code,
        unit_code,
        note,
        min(procedure_code) as first_procedure
    from procedures
    where note is not null
    group by period_code, unit_code, note

),

notes as (

    select
        period_code,
        unit_code,
        {{ dbt.listagg('note', "'; '", 'order by first_procedure') }} as note
    from noted
    group by period_code, unit_code

),

final as (

    select
        units.period_code,
        units.unit_code,
        units.unit_name,
        units.display_order,
        coalesce(counted.procedures_listed, 0) as procedures_listed,
        -- A unit without any approved process is empty here, not 0 %.
        counted.processes_approved,
        case
            when counted.processes_approved is not null then counted.processes_on_software
        end as processes_on_software,
        100 * cast(counted.processes_on_software as numeric)
        / counted.processes_approved as completion_percent,
        case
            when counted.lowest_time_unit = counted.highest_time_unit
                then counted.lowest_time_unit
            when counted.lowest_time_unit is not null then 'ngay_gio'
        end as time_unit,
        notes.note
    from units
    left join counted
        on
            units.period_code = counted.period_code
            and units.unit_code = counted.unit_code
    left join notes
        on
            units.period_code = notes.period_code
            and units.unit_code = notes.unit_code

)

select * from final
