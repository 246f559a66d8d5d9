"""Puts a stage's secrets into SSM Parameter Store, where the functions read them.

Reads one JSON object from standard input: stage, client_key, client_secret (either may be null: left as it is), and for
tests endpoint and region. Prints a line for each parameter. The deployment secret is made once and never replaced.
"""

import json
import secrets
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def main():
    order = json.load(sys.stdin)
    ssm = boto3.client("ssm", endpoint_url=order.get("endpoint"), region_name=order.get("region"))
    prefix = f"/slipway/{order['stage']}"
    for name in ("client-key", "client-secret"):
        value = order[name.replace("-", "_")]
        if value is not None:
            ssm.put_parameter(Name=f"{prefix}/{name}", Value=value, Type="SecureString", Overwrite=True)
            print(f"{prefix}/{name}: set")
        else:
            ssm.get_parameter(Name=f"{prefix}/{name}")
            print(f"{prefix}/{name}: left as it is")
    try:
        ssm.put_parameter(
            Name=f"{prefix}/deployment-secret", Value=secrets.token_hex(32), Type="SecureString",
            Description="Made once. Idempotency keys and post ids derive from it: never replace it.")
        print(f"{prefix}/deployment-secret: made")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterAlreadyExists":
            raise
        print(f"{prefix}/deployment-secret: is there, left as it is")


try:
    main()
except (BotoCoreError, ClientError) as error:
    sys.exit(str(error))
