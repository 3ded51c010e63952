select
    rentals.rental_id,
    rentals.bike_id,
    rentals.customer,
    rentals.rented_on,
    rentals.channel,
    bikes.model,
    rentals.days * bikes.daily_price as revenue
from {{ ref('stg_rentals') }} as rentals
left join {{ ref('stg_bikes') }} as bikes on bikes.bike_id = rentals.bike_id
