"""Deploys template.yaml to the emulator, through the calls that would deploy it to AWS.

Reads one JSON object from standard input and answers with one on standard output; says on standard error what it is doing.

in:  endpoint, region, stack, template (path), packages (dir for the zips), strip (whether to strip the binaries),
     binaries {name: path}, parameters {name: value}, stage, client_key, client_secret
out: outputs {name: value}, functions {name: physical name}, changed (bool)
     or error (text)
"""

import hashlib
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse

CODE_BUCKET = "slipway-code"
KEPT_SECONDS = 600  # packages that nobody asked for so long may go
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


class Refused(Exception):
    """Something a person must put right."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def package(name, binary, directory, strip):
    """The binary as `bootstrap` in a zip, named by its content; made once for each content."""
    digest = hashlib.sha256(pathlib.Path(binary).read_bytes() + str(strip).encode()).hexdigest()[:24]
    target = directory / f"{name}-{digest}.zip"
    if target.exists():
        target.touch()
        return target
    for old in directory.glob(f"{name}-*"):
        if old.stat().st_mtime < time.time() - KEPT_SECONDS:
            old.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as scratch:  # another deployment may be packaging the same
        copy = pathlib.Path(scratch) / "bootstrap"
        shutil.copyfile(binary, copy)
        if strip:
            subprocess.run(["strip", str(copy)], check=False, stderr=subprocess.DEVNULL)  # smaller; not a condition
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive = pathlib.Path(scratch) / "package.zip"
        with zipfile.ZipFile(archive, "w") as package:
            package.writestr(entry, copy.read_bytes())  # stored: compressing would only cost time here
        archive.rename(target)
    return target


def put_secrets(ssm, stage, client_key, client_secret):
    prefix = f"/slipway/{stage}"
    for name, value in (("client-key", client_key), ("client-secret", client_secret)):
        ssm.put_parameter(Name=f"{prefix}/{name}", Value=value, Type="SecureString", Overwrite=True)
    try:
        ssm.put_parameter(Name=f"{prefix}/deployment-secret", Value=secrets.token_hex(32), Type="SecureString")
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterAlreadyExists":
            raise


def with_code(template, uris):
    """Points each function at its uploaded code, as `aws cloudformation package` would. Binary -> logical id."""
    names = {}
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            name = resource["Metadata"]["BuildProperties"]["Binary"]
            if name not in uris:
                raise Refused(f"`{logical_id}` of the template needs the binary `{name}`, which was not built")
            resource["Properties"]["CodeUri"] = uris[name]
            names[name] = logical_id
    return names


def checked(template, parameters):
    declared = template.get("Parameters", {})
    unknown = sorted(set(parameters) - set(declared))
    if unknown:
        raise Refused(f"the template has no parameter {', '.join(f'`{name}`' for name in unknown)}")
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in sorted(parameters.items())]


def last_deployed(s3):
    """The digest of what stands in the stack. Not a tag of the stack: an update leaves its tags as they were."""
    try:
        return s3.get_object(Bucket=CODE_BUCKET, Key="deployed")["Body"].read().decode()
    except s3.exceptions.NoSuchKey:
        return None


def stack_status(cloudformation, stack):
    try:
        return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise


def settled(cloudformation, stack):
    while True:
        description = stack_status(cloudformation, stack)
        if description is None or not description["StackStatus"].endswith("IN_PROGRESS"):
            return description
        time.sleep(0.1)


def failures(cloudformation, stack):
    """The resources that failed, with reasons; the emulator may call the stack complete all the same."""
    found = {}
    for resource in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]:
        if "FAILED" in resource["ResourceStatus"] or not resource.get("PhysicalResourceId"):
            found[resource["LogicalResourceId"]] = (
                resource["ResourceType"], resource.get("ResourceStatusReason") or resource["ResourceStatus"])
    return found


def event_failures(cloudformation, stack):
    lines = []
    for event in cloudformation.describe_stack_events(StackName=stack)["StackEvents"]:
        if "FAILED" in event["ResourceStatus"]:
            reason = event.get("ResourceStatusReason", "no reason given")
            lines.append(f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}")
    return lines


def apply(cloudformation, stack, body_url, parameters):
    arguments = dict(StackName=stack, TemplateURL=body_url, Parameters=parameters, Capabilities=CAPABILITIES)
    before = settled(cloudformation, stack)
    if before and before["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
        cloudformation.delete_stack(StackName=stack)
        before = settled(cloudformation, stack)
    if before and before["StackStatus"] != "DELETE_COMPLETE":
        say("updating the stack")
        try:
            cloudformation.update_stack(**arguments)
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
    else:
        say("creating the stack")
        cloudformation.create_stack(**arguments)
    after = settled(cloudformation, stack)
    if after is None or after["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        status = after["StackStatus"] if after else "gone"
        raise Refused("\n  ".join([f"the stack is {status}", *event_failures(cloudformation, stack)]))
    failed = failures(cloudformation, stack)
    if failed:
        raise Refused("\n  ".join(["resources failed although the stack is complete"] + [
            f"{logical_id} ({kind}): {reason}" for logical_id, (kind, reason) in failed.items()]))
    return after


def mend(client, template, resources):
    """What the emulator ignores in the template and the functions rely on: expiry in DynamoDB."""
    dynamodb = client("dynamodb")
    for logical_id, resource in template["Resources"].items():
        expiry = resource.get("Properties", {}).get("TimeToLiveSpecification")
        if resource["Type"] == "AWS::DynamoDB::Table" and expiry and expiry.get("Enabled"):
            dynamodb.update_time_to_live(
                TableName=resources[logical_id],
                TimeToLiveSpecification={"Enabled": True, "AttributeName": expiry["AttributeName"]})


def deploy(order):
    def client(service):
        return boto3.client(
            service, endpoint_url=order["endpoint"], region_name=order["region"], aws_access_key_id="test",
            aws_secret_access_key="test", config=Config(s3={"addressing_style": "path"}, proxies={}))

    stack = order["stack"]
    put_secrets(client("ssm"), order["stage"], order["client_key"], order["client_secret"])

    say("packaging the functions")
    directory = pathlib.Path(order["packages"])
    directory.mkdir(parents=True, exist_ok=True)
    packages = {
        name: package(name, binary, directory, order["strip"]) for name, binary in order["binaries"].items()}

    text = pathlib.Path(order["template"]).read_text(encoding="utf-8")
    template = yaml_parse(text)
    names = with_code(template, {name: f"s3://{CODE_BUCKET}/{path.name}" for name, path in packages.items()})
    parameters = checked(template, order["parameters"])
    body = json.dumps(template, default=str)
    digest = hashlib.sha256(json.dumps([body, parameters], sort_keys=True).encode()).hexdigest()

    cloudformation = client("cloudformation")
    present = settled(cloudformation, stack)
    complete = present and present["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    s3 = client("s3")
    s3.create_bucket(Bucket=CODE_BUCKET)
    unchanged = complete and last_deployed(s3) == digest
    if not unchanged:
        say("uploading the code")
        for path in packages.values():
            s3.upload_file(str(path), CODE_BUCKET, path.name)
        s3.put_object(Bucket=CODE_BUCKET, Key="template.json", Body=body.encode())
        url = f"{order['endpoint']}/{CODE_BUCKET}/template.json"
        present = apply(cloudformation, stack, url, parameters)
        s3.put_object(Bucket=CODE_BUCKET, Key="deployed", Body=digest.encode())
        current = {path.name for path in packages.values()}
        for stored in s3.list_objects_v2(Bucket=CODE_BUCKET)["Contents"]:
            if stored["Key"].endswith(".zip") and stored["Key"] not in current:
                s3.delete_object(Bucket=CODE_BUCKET, Key=stored["Key"])

    resources = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]}
    mend(client, template, resources)
    return {
        "outputs": {output["OutputKey"]: output["OutputValue"] for output in present.get("Outputs", [])},
        "functions": {name: resources[logical_id] for name, logical_id in names.items()},
        "changed": not unchanged,
    }


def main():
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    order = json.load(sys.stdin)
    try:
        answer = deploy(order)
    except Refused as refusal:
        answer = {"error": str(refusal)}
    except ClientError as error:
        answer = {"error": str(error)}
    json.dump(answer, sys.stdout)


main()
