// Reads deliveries, one JSON object a line, and verifies each with the library that receivers use.

import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

for await (const line of createInterface({ input: process.stdin })) {
  const delivery = JSON.parse(line);
  for (const secret of delivery.secrets) {
    new Webhook(secret).verify(delivery.body, delivery.headers);
  }
  for (const other of delivery.others) {
    let verifies = true;
    try {
      new Webhook(other).verify(delivery.body, delivery.headers);
    } catch {
      verifies = false;
    }
    if (verifies) throw new Error("a secret that does not sign verifies");
  }
  console.log(delivery.headers["webhook-id"]);
}
