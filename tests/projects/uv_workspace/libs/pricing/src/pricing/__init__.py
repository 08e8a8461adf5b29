import dateutil
from tariffs import STANDARD

assert dateutil
VAT = STANDARD
