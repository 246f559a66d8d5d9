"""Judges template.yaml: cfn-lint, cfn-lint on the SAM transform, `sam validate --lint`, and the house's own rules.

Run in a venv with requirements.txt installed: `python infra/lint/lint.py [--no-sam]`. Needs no network and no credentials.
Exits with 1 when anything is found. The house's rules are functions named `rule_…`: each yields what it finds.
"""

import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from types import SimpleNamespace

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"

# The production figures. A stage or a test may shorten them by parameter; nobody changes them by editing a default.
PRODUCTION = {
    "ClaimMarginSeconds": 10,  # a claim outlives the invocation's deadline by this
    "SweepFromSeconds": 120,  # from there on a step is a due row, below it a delayed message
    "WatchdogSeconds": 300,  # a lost message costs five minutes
    "PollLadder": "120,240,480,900",  # one check at 120 s, then doubling to 900 s
    "TailLadder": "900,1800,3600,7200,14400,21600",  # 15 minutes doubling to 6 h
    "TailSeconds": 48 * 3600,
    "UnconfirmedDeadlineSeconds": 75 * 60,  # TikTok pulls for an hour at most, and a margin
    "EvidenceLadder": "60,120,240,480,900",
    "FenceWaitSeconds": 5 * 60,
    "FetchLogDelaySeconds": 0,  # CloudFront's log is no complete account: only the operator can say when it is
    "MediaDeadlineSeconds": 24 * 3600,
    "DropWaitSeconds": 15 * 60,
    "PostDeadlineSeconds": 24 * 3600,
    "WebhookLadder": "5,300,1800,7200,18000,36000,36000",  # attempts at 0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h
    "WebhookDeadlineSeconds": 5 * 24 * 3600,
    "WebhookCheckSeconds": 3600,
    "OutboundExceptions": "",  # nothing that customers name skips the checks
    "RefreshAtPercent": 60,  # 60-75 % of life with the jitter
    "RefreshJitterPercent": 15,
    "PresignSeconds": 2 * 3600,
    "UploadSeconds": 15 * 60,
    "ApiTimeout": 29,  # the HTTP API gives up after 30
    "DropIntakeTimeout": 120,
    "MediaIngestTimeout": 60,
    "PublishInitTimeout": 30,
    "MediaTransferTimeout": 120,
    "StatusPollTimeout": 30,
    "TokenRefreshTimeout": 60,
    "DropVisibility": 6 * 120,
    "WebhookDeliverTimeout": 30,
    "IngestVisibility": 6 * 60,
    "PublishVisibility": 6 * 30,
    "TransferVisibility": 6 * 120,
    "StatusVisibility": 6 * 30,
    "RefreshVisibility": 6 * 60,
    "DeliveryVisibility": 6 * 30,
    "LogLevel": "INFO",
    "LogRetentionDays": 30,
    "Stage": "prod",
    "Architecture": "arm64",
    "TikTokApiBaseUrl": "https://open.tiktokapis.com",
    "TikTokAuthBaseUrl": "https://www.tiktok.com",
    "PublicBaseUrl": "",
    "MediaBaseUrl": "",
    "AlarmTopicEmail": "",
}

# Lifecycle by prefix: days after which an object goes.
LIFECYCLE = {"up/": 30, "drop/": 7, "drop-results/": 30, "m/": 2, "rescue/": 7}

# What the access log may tell of a request.
ACCESS_LOG = {
    "requestId", "requestTime", "identity.sourceIp", "httpMethod", "integration.requestId", "status", "responseLength",
    "responseLatency", "integrationErrorMessage",
}

# What a crate in a function's manifest means for its role and its settings.
CRATES = {
    "store-dynamodb": ("dynamodb:", ["TABLE"]),
    "media-s3": ("s3:", ["MEDIA_BUCKET"]),
    "vault-kms": ("kms:", ["KMS_KEY_ID"]),
    "queue-sqs": ("sqs:SendMessage", []),
    "aws-sdk-ssm": ("ssm:", ["SECRETS_PREFIX"]),
    "aws-sdk-lambda": ("lambda:InvokeFunction", ["API_FUNCTION"]),
    "outbound": (None, ["OUTBOUND_EXCEPTIONS"]),
    "tiktok": (None, ["TIKTOK_API_BASE_URL", "TIKTOK_AUTH_BASE_URL"]),
}


def parameter(template, value):
    """A value with its parameter's default in place of the reference."""
    if isinstance(value, dict) and set(value) == {"Ref"} and value["Ref"] in template["Parameters"]:
        return template["Parameters"][value["Ref"]].get("Default")
    return value


def resources(template, kind):
    for name, resource in template["Resources"].items():
        if resource["Type"] == kind:
            yield name, resource, resource.get("Properties", {})


def as_list(value):
    return value if isinstance(value, list) else [value]


def target(value):
    """The logical id that a `!GetAtt X.Arn` or `!Ref X` names."""
    if isinstance(value, dict):
        if "Fn::GetAtt" in value:
            got = value["Fn::GetAtt"]
            return got[0] if isinstance(got, list) else got.split(".")[0]
        return value.get("Ref")
    return None


def dead_letter_queues(template):
    return {target(p["RedrivePolicy"]["deadLetterTargetArn"]): name
            for name, _, p in resources(template, "AWS::SQS::Queue") if "RedrivePolicy" in p}


def mappings(template):
    """(function, its properties, queue, the mapping's properties)"""
    for name, _, props in resources(template, "AWS::Serverless::Function"):
        for event in props.get("Events", {}).values():
            if event["Type"] == "SQS":
                yield name, props, target(event["Properties"]["Queue"]), event["Properties"]


def statements(template, function):
    role = template["Resources"][target(template["Resources"][function]["Properties"]["Role"])]
    for policy in role["Properties"]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def binary(template, function):
    return template["Resources"][function]["Metadata"]["BuildProperties"]["Binary"]


def settings(template, function):
    own = template["Resources"][function]["Properties"].get("Environment", {}).get("Variables", {})
    return {**template["Globals"]["Function"]["Environment"]["Variables"], **own}


def rule_defaults_are_the_production_figures(template):
    for name, figure in PRODUCTION.items():
        declared = template["Parameters"].get(name)
        if declared is None:
            yield f"parameter {name} is missing"
        elif str(declared.get("Default")) != str(figure):
            yield f"parameter {name} defaults to `{declared.get('Default')}`, production is `{figure}`"


def rule_every_parameter_reaches_something(template):
    body = json.dumps({part: template.get(part) for part in ("Resources", "Globals", "Conditions", "Outputs")}, default=str)
    for name in template["Parameters"]:
        if f'"Ref": "{name}"' not in body and f"${{{name}}}" not in body:
            yield f"parameter {name} is used nowhere"


def rule_no_secret_is_in_the_template(template):
    for name, declared in template["Parameters"].items():
        if re.search(r"secret|password|token(?!refresh)|apikey|clientkey", name, re.IGNORECASE) and declared["Type"] == "String":
            yield f"parameter {name} looks like a secret; secrets are SSM parameters that functions read themselves"
        if re.fullmatch(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/_=-]{20,}", str(declared.get("Default", ""))):
            yield f"parameter {name} has a default that looks like a secret"
    for name, _, _ in resources(template, "AWS::Serverless::Function"):
        for setting, value in settings(template, name).items():
            if isinstance(value, str):
                yield f"{name}: setting {setting} is a literal; it belongs to a parameter or a resource"


def rule_every_queue_has_a_dead_letter_queue_with_an_alarm(template):
    dead = dead_letter_queues(template)
    watched = {}
    for name, _, props in resources(template, "AWS::CloudWatch::Alarm"):
        for dimension in props.get("Dimensions", []):
            if dimension["Name"] == "QueueName":
                watched[target(dimension["Value"])] = (name, props)
    for name, _, props in resources(template, "AWS::SQS::Queue"):
        if name not in dead:
            if "RedrivePolicy" not in props:
                yield f"queue {name} has no dead-letter queue"
            elif props["RedrivePolicy"].get("maxReceiveCount") != 5:
                yield f"queue {name} gives up after {props['RedrivePolicy'].get('maxReceiveCount')} deliveries, not 5"
            continue
        if props.get("MessageRetentionPeriod") != 1209600:
            yield f"dead letters of {name} are not kept the longest possible time, 14 days"
        alarm, found = watched.get(name, (None, {}))
        if alarm is None:
            yield f"dead-letter queue {name} has no alarm"
        elif (found.get("MetricName"), found.get("Threshold"), found.get("ComparisonOperator")) != (
                "ApproximateNumberOfMessagesVisible", 0, "GreaterThanThreshold"):
            yield f"alarm {alarm} does not go off at the first dead letter"


def rule_visibility_is_six_timeouts_and_failures_are_reported_one_by_one(template):
    fed = set()
    for name, props, queue, mapping in mappings(template):
        fed.add(queue)
        timeout = int(parameter(template, props["Timeout"]))
        visibility = int(parameter(template, template["Resources"][queue]["Properties"]["VisibilityTimeout"]))
        if visibility < 6 * timeout:
            yield f"{queue} hides a message for {visibility} s, less than 6 x {timeout} s of {name}"
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield f"{name} does not report batch item failures of {queue}"
        if "MaximumConcurrency" not in mapping.get("ScalingConfig", {}):
            yield f"the mapping of {queue} to {name} has no MaximumConcurrency"
    dead = dead_letter_queues(template)
    for name, _, _ in resources(template, "AWS::SQS::Queue"):
        if name not in dead and name not in fed:
            yield f"no function consumes {name}"


def rule_new_events_and_nothing_else_reach_webhooks(template):
    """The table's stream holds keys alone, is read by one function, and that one is called for new events only."""
    if template["Resources"]["Table"]["Properties"].get("StreamSpecification") != {"StreamViewType": "KEYS_ONLY"}:
        yield "the stream of Table holds more than keys, or there is none"
    readers = [(name, event["Properties"]) for name, _, props in resources(template, "AWS::Serverless::Function")
               for event in props.get("Events", {}).values() if event["Type"] == "DynamoDB"]
    if [name for name, _ in readers] != ["WebhookDeliverFunction"]:
        yield f"the stream is read by {[name for name, _ in readers]}"
    wanted = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "event#"}]}}}}
    for name, props in readers:
        filters = props.get("FilterCriteria", {}).get("Filters", [])
        if [json.loads(f["Pattern"]) for f in filters] != [wanted]:
            yield f"{name} is called for other writes than new events"
        if not props.get("BisectBatchOnFunctionError"):
            yield f"one bad event holds up the others of {name}"


def rule_the_clock_runs_once_a_minute_and_is_watched(template):
    permitted = {target(props["FunctionName"]): props for _, _, props in resources(template, "AWS::Lambda::Permission")
                 if props["Principal"] == "events.amazonaws.com"}
    wanted = {"StatusSweepRule": ("StatusPollFunction", "posts"), "RefreshSweepRule": ("TokenRefreshFunction", "accounts")}
    for rule, (function, sweep) in wanted.items():
        props = template["Resources"][rule]["Properties"]
        if props["ScheduleExpression"] != "rate(1 minute)" or props.get("State") != "ENABLED":
            yield f"{rule} is not an enabled rate(1 minute)"
        (call,) = props["Targets"]
        if target(call["Arn"]) != function or json.loads(call["Input"]) != {"sweep": sweep}:
            yield f"{rule} does not send {{'sweep': '{sweep}'}} to {function}"
        if target(permitted.get(function, {}).get("SourceArn")) != rule:
            yield f"{rule} may not call {function}"
        alarms = [props for _, _, props in resources(template, "AWS::CloudWatch::Alarm")
                  if props.get("MetricName") == "OldestDueSeconds" and props.get("Namespace") == "Slipway"
                  and any(d["Name"] == "Sweep" and d["Value"] == sweep for d in props["Dimensions"])]
        if len(alarms) != 1:
            yield f"no alarm on the age of the oldest due row of `{sweep}`"
        elif alarms[0].get("TreatMissingData") != "breaching":
            yield f"a clock that stands still would not raise the alarm of `{sweep}`"


def rule_alarms_reach_the_topic(template):
    for name, _, props in resources(template, "AWS::CloudWatch::Alarm"):
        if props.get("AlarmActions") != {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]}:
            yield f"alarm {name} does not go to AlarmTopic"


def rule_what_cannot_be_made_again_is_kept(template):
    for kind in ("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket"):
        for name, resource, _ in resources(template, kind):
            for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
                if resource.get(policy) != "Retain":
                    yield f"{name} has no {policy}: Retain"
    for name, _, props in resources(template, "AWS::DynamoDB::Table"):
        if props.get("BillingMode") != "PAY_PER_REQUEST":
            yield f"table {name} is not on demand"
        if not props.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
            yield f"table {name} has no point-in-time recovery"
        if not props.get("SSESpecification", {}).get("SSEEnabled"):
            yield f"table {name} is not encrypted with a KMS key"
        if props.get("TimeToLiveSpecification") != {"AttributeName": "ttl", "Enabled": True}:
            yield f"table {name} has no expiry by `ttl`"
        for index in props.get("GlobalSecondaryIndexes", []):
            if index["Projection"] != {"ProjectionType": "KEYS_ONLY"}:
                yield f"index {index['IndexName']} of {name} holds more than keys"
    for name, _, props in resources(template, "AWS::KMS::Key"):
        if not props.get("EnableKeyRotation"):
            yield f"key {name} does not rotate"


def rule_buckets_are_closed(template):
    for name, _, props in resources(template, "AWS::S3::Bucket"):
        block = props.get("PublicAccessBlockConfiguration", {})
        for switch in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"):
            if block.get(switch) is not True:
                yield f"bucket {name} has no {switch}"
        if "BucketEncryption" not in props:
            yield f"bucket {name} is not encrypted"
        if "LifecycleConfiguration" not in props:
            yield f"bucket {name} has no lifecycle"
    props = template["Resources"]["MediaBucket"]["Properties"]
    if props["OwnershipControls"]["Rules"] != [{"ObjectOwnership": "BucketOwnerEnforced"}]:
        yield "MediaBucket takes access lists"
    expiry = {rule.get("Prefix"): rule.get("ExpirationInDays") for rule in props["LifecycleConfiguration"]["Rules"]}
    for prefix, days in LIFECYCLE.items():
        if expiry.get(prefix) != days:
            yield f"objects under `{prefix}` go after {expiry.get(prefix)} days, not {days}"
    if not any(rule.get("AbortIncompleteMultipartUpload") == {"DaysAfterInitiation": 1}
               for rule in props["LifecycleConfiguration"]["Rules"]):
        yield "unfinished multipart uploads stay in MediaBucket"


def rule_logs_end_and_belong_to_their_function(template):
    for name, _, props in resources(template, "AWS::Logs::LogGroup"):
        if parameter(template, props.get("RetentionInDays")) is None:
            yield f"log group {name} has no retention"
    for name, _, props in resources(template, "AWS::Serverless::Function"):
        logging = props.get("LoggingConfig", {})
        if logging.get("LogFormat") != "JSON":
            yield f"{name} does not log JSON"
        if target(logging.get("ApplicationLogLevel")) != "LogLevel":
            yield f"{name} does not log at LogLevel"
        group = target(logging.get("LogGroup"))
        if template["Resources"].get(group, {}).get("Type") != "AWS::Logs::LogGroup":
            yield f"{name} has no log group of the template"
        elif not any(target(s["Resource"]) == group and "logs:PutLogEvents" in s["Action"] for s in statements(template, name)):
            yield f"{name} may not write to {group}"


def rule_the_access_log_holds_no_secret(template):
    """A path may hold a connect link's token, a query an OAuth code or a signature, a header a key or a cookie."""
    for name, _, props in resources(template, "AWS::ApiGatewayV2::Stage"):
        logged = props.get("AccessLogSettings", {}).get("Format", "")
        for variable in sorted(set(re.findall(r"\$context\.([A-Za-z.]+)", logged)) - ACCESS_LOG):
            yield f"the access log of {name} holds `$context.{variable}`"


def rule_each_function_has_a_role_of_its_own_with_named_needs(template):
    owners = {}
    for name, _, props in resources(template, "AWS::Serverless::Function"):
        role = target(props.get("Role"))
        if role is None:
            yield f"{name} has no role of the template"
            continue
        if role in owners:
            yield f"{name} and {owners[role]} share {role}"
        owners[role] = name
        if template["Resources"][role]["Properties"].get("ManagedPolicyArns"):
            yield f"{role} has managed policies"
        seen = set()
        for statement in statements(template, name):
            sid = statement.get("Sid")
            if not sid or sid in seen:
                yield f"{role} has a statement without a name of its own: {statement}"
            seen.add(sid)
            if statement["Effect"] != "Allow":
                yield f"{role}/{sid} is not an Allow"
            for action in as_list(statement["Action"]):
                if "*" in action:
                    yield f"{role}/{sid} allows `{action}`"
            for resource in as_list(statement["Resource"]):
                if resource == "*":
                    yield f"{role}/{sid} is about every resource"


def rule_manifest_settings_and_role_say_the_same(template):
    """The crates a function is built from, what it is told, and what it may do."""
    queues = {f"{name.removesuffix('Queue').upper()}_QUEUE_URL": name
              for name, _, _ in resources(template, "AWS::SQS::Queue") if name.endswith("Queue")}
    consumed = {function: queue for function, _, queue, _ in mappings(template)}
    for name, _, _ in resources(template, "AWS::Serverless::Function"):
        package = ROOT / "functions" / binary(template, name)
        manifest = tomllib.loads((package / "Cargo.toml").read_text(encoding="utf-8"))
        crates = set(manifest["dependencies"])
        told = settings(template, name)
        allowed = [(action, statement) for statement in statements(template, name) for action in as_list(statement["Action"])]
        for crate, (action, needed) in CRATES.items():
            may = any(a.startswith(action) for a, _ in allowed) if action else crate in crates
            if may != (crate in crates):
                yield f"{name}: its role {'allows' if may else 'does not allow'} `{action}…`, its manifest " \
                      f"{'has' if crate in crates else 'has not'} `{crate}`"
            for setting in needed:
                # what every function is told alike is no sign that this one needs it
                if crate not in crates and setting in template["Globals"]["Function"]["Environment"]["Variables"]:
                    continue
                if (setting in told) != (crate in crates):
                    yield f"{name}: setting {setting} is {'there' if setting in told else 'missing'}, its manifest " \
                          f"{'has' if crate in crates else 'has not'} `{crate}`"
        sends = {target(r) for a, s in allowed if a == "sqs:SendMessage" for r in as_list(s["Resource"])}
        knows = {queues[setting] for setting in told if setting in queues}
        if sends != knows:
            yield f"{name} may send to {sorted(sends)} and is told of {sorted(knows)}"
        takes = {target(r) for a, s in allowed if a == "sqs:ReceiveMessage" for r in as_list(s["Resource"])}
        # dead letters are looked at by whoever is told where they lie, and consumed by nobody
        looks = {"".join(word.capitalize() for word in setting.removesuffix("_URL").split("_"))
                 for setting in told if setting.endswith("_DEAD_LETTERS_URL")}
        mapped = {consumed[name]} if name in consumed else set()
        if takes != mapped | looks:
            yield f"{name} may receive from {sorted(takes)}, is mapped to {sorted(mapped)} and is told of {sorted(looks)}"


def read_settings(package, crates):
    """The settings that a function's code asks for, in its own sources and in `wiring`."""
    sources = [*package.glob("src/**/*.rs")]
    if "wiring" in crates:
        sources += (ROOT / "shared/wiring/src").glob("**/*.rs")
    asked = re.compile(r"""settings\s*\.\s*\w+(?:::<[^>]*>)?\(\s*"([A-Z][A-Z0-9_]*)\"""")
    return {name for source in sources for name in asked.findall(source.read_text(encoding="utf-8"))}


def rule_functions_read_what_they_are_told(template):
    for name, _, _ in resources(template, "AWS::Serverless::Function"):
        package = ROOT / "functions" / binary(template, name)
        crates = set(tomllib.loads((package / "Cargo.toml").read_text(encoding="utf-8"))["dependencies"])
        told, read = set(settings(template, name)), read_settings(package, crates)
        for setting in sorted(read - told):
            yield f"{name} reads {setting}, which the template does not set"
        for setting in sorted(told - read):
            if setting in template["Globals"]["Function"]["Environment"]["Variables"]:
                continue
            yield f"{name} is told {setting} and does not read it"


def house_rules():
    return {name: rule for name, rule in globals().items() if name.startswith("rule_")}


def transformed(template):
    """What SAM makes of the template, offline."""
    template = copy.deepcopy(template)
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    return transform(template, {}, SimpleNamespace(load=dict))


def command(*arguments, **environment):
    """Runs a tool of this venv; what it prints when it is not content."""
    tool = pathlib.Path(sys.executable).parent / arguments[0]
    done = subprocess.run([str(tool), *arguments[1:]], cwd=ROOT, env={**os.environ, **environment},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return [] if done.returncode == 0 else done.stdout.strip().splitlines() or [f"exit status {done.returncode}"]


def main():
    template = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))
    verdicts = {"cfn-lint": command("cfn-lint", "--", str(TEMPLATE))}
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "transformed.json"
        path.write_text(json.dumps(transformed(template), indent=1, default=str), encoding="utf-8")
        verdicts["cfn-lint on the SAM transform"] = command("cfn-lint", "--", str(path))
    if "--no-sam" not in sys.argv:
        verdicts["sam validate --lint"] = command(
            "sam", "validate", "--lint", SAM_CLI_TELEMETRY="0", AWS_DEFAULT_REGION="us-east-1",
            AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none")
    for name, rule in house_rules().items():
        verdicts[name.removeprefix("rule_").replace("_", " ")] = list(rule(template))
    for name, found in verdicts.items():
        print(f"{'FAILED' if found else 'ok':<7} {name}")
        for line in found:
            print(f"        {line}")
    failed = sum(1 for found in verdicts.values() if found)
    print(f"template.yaml: {len(verdicts) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
