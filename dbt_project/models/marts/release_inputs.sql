-- The files that tell a period: what a release pins.

with

periods as (

    select * from {{ ref('int_periods_due') }}

),

files as (

    select * from {{ ref('int_files_active') }}

),

first_registers as (

    select max(first_registered_on) as last_first_register
    from {{ ref('int_units_first_register') }}

),

final as (

    select
        periods.period_code,
        files.feed,
        files.file_name,
        files.business_date,
        files.part,
        files.revision,
        files.sha256,
        files.records
    from files
    cross join first_registers
    inner join periods
        on
            files.business_date <= periods.as_of
            or (
                files.feed = 'procedures'
                and files.business_date <= first_registers.last_first_register
            )

)

select * from final
