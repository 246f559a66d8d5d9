"""Reads deliveries, one JSON object a line, and verifies each with the library that receivers use."""

import json
import sys

from standardwebhooks import Webhook

for line in sys.stdin:
    delivery = json.loads(line)
    for secret in delivery["secrets"]:
        Webhook(secret).verify(delivery["body"], delivery["headers"])
    for other in delivery["others"]:
        try:
            Webhook(other).verify(delivery["body"], delivery["headers"])
        except Exception:
            continue
        sys.exit("a secret that does not sign verifies")
    print(delivery["headers"]["webhook-id"])
