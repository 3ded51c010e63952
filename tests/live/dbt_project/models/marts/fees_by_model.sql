{{ config(enabled=var('till_is_shut', false)) }}
select rental_id, fee from {{ ref('late_fees') }}
