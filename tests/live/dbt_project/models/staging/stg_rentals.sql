select rental_id, bike_id, customer, cast(rented_on as date) as rented_on, days, channel
from {{ ref('raw_rentals') }}
