"""Finds the table of a deployed stack, with the operator's own credentials, as the AWS CLI finds them.

Reads one JSON object from standard input: stack, stage, endpoint (null for AWS). Answers with one on standard output:
table, outputs, region, access_key, secret_key, token (null for lasting credentials). It is read by the program that started this
one and shown nowhere.
"""

import json
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def main():
    order = json.load(sys.stdin)
    session = boto3.Session()
    cloudformation = session.client("cloudformation", endpoint_url=order["endpoint"])
    stack = cloudformation.describe_stacks(StackName=order["stack"])["Stacks"][0]
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    stage = parameters.get("Stage")
    if stage != order["stage"]:
        sys.exit(f"stack {order['stack']} is of stage {stage}, not {order['stage']}")
    if "TableName" not in outputs:
        sys.exit(f"stack {order['stack']} has no output TableName")
    credentials = session.get_credentials().get_frozen_credentials()
    json.dump({
        "table": outputs["TableName"],
        "outputs": outputs,
        "region": cloudformation.meta.region_name,
        "access_key": credentials.access_key,
        "secret_key": credentials.secret_key,
        "token": credentials.token,
    }, sys.stdout)


try:
    main()
except (BotoCoreError, ClientError) as error:
    sys.exit(str(error))
