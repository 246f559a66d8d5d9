"""Each house rule is shown a template that breaks it: a rule that finds nothing there is worth nothing.

`python -m unittest discover -s infra/lint`, in the same venv as lint.py.
"""

import copy
import unittest

import lint
from samtranslator.yaml_helper import yaml_parse

SOUND = yaml_parse(lint.TEMPLATE.read_text(encoding="utf-8"))


def at(template, path):
    for step in path:
        template = template[step]
    return template


def put(*path, value):
    def change(template):
        at(template, path[:-1])[path[-1]] = value
    return change


def drop(*path):
    def change(template):
        del at(template, path[:-1])[path[-1]]
    return change


def statement(role, sid, **changes):
    def change(template):
        (policy,) = template["Resources"][role]["Properties"]["Policies"]
        (found,) = [s for s in policy["PolicyDocument"]["Statement"] if s["Sid"] == sid]
        found.update(changes)
    return change


R, P = "Resources", "Properties"
BREAKS = {
    "rule_defaults_are_the_production_figures": [
        put("Parameters", "TikTokApiBaseUrl", "Default", value="http://127.0.0.1:1"),
        put("Parameters", "WatchdogSeconds", "Default", value=20),
        drop("Parameters", "PollLadder"),
    ],
    "rule_every_parameter_reaches_something": [put("Parameters", "Idle", value={"Type": "String"})],
    "rule_no_secret_is_in_the_template": [
        put("Parameters", "ClientSecret", value={"Type": "String"}),
        put("Parameters", "Something", value={"Type": "String", "Default": "aw3f9k2lq8z7x6c5v4b3n2m1"}),
        put(R, "ApiFunction", P, "Environment", "Variables", "KEY", value="aw3f9k2l"),
    ],
    "rule_every_queue_has_a_dead_letter_queue_with_an_alarm": [
        drop(R, "PublishQueue", P, "RedrivePolicy"),
        put(R, "PublishQueue", P, "RedrivePolicy", "maxReceiveCount", value=1),
        drop(R, "IngestDeadLettersAlarm"),
        put(R, "IngestDeadLettersAlarm", P, "Threshold", value=10),
        drop(R, "IngestDeadLetters", P, "MessageRetentionPeriod"),
    ],
    "rule_visibility_is_six_timeouts_and_failures_are_reported_one_by_one": [
        put("Parameters", "PublishVisibility", "Default", value=179),
        drop(R, "StatusPollFunction", P, "Events", "Jobs", P, "FunctionResponseTypes"),
        drop(R, "StatusPollFunction", P, "Events", "Jobs", P, "ScalingConfig"),
        drop(R, "StatusPollFunction", P, "Events"),
    ],
    "rule_new_events_and_nothing_else_reach_webhooks": [
        drop(R, "Table", P, "StreamSpecification"),
        drop(R, "WebhookDeliverFunction", P, "Events", "News"),
        drop(R, "WebhookDeliverFunction", P, "Events", "News", P, "FilterCriteria"),
        drop(R, "WebhookDeliverFunction", P, "Events", "News", P, "BisectBatchOnFunctionError"),
    ],
    "rule_the_clock_runs_once_a_minute_and_is_watched": [
        put(R, "StatusSweepRule", P, "ScheduleExpression", value="rate(5 minutes)"),
        put(R, "RefreshSweepRule", P, "State", value="DISABLED"),
        drop(R, "RefreshSweepRuleMayCall"),
        drop(R, "OldestDuePostAlarm"),
        put(R, "OldestDueAccountAlarm", P, "TreatMissingData", value="notBreaching"),
    ],
    "rule_alarms_reach_the_topic": [drop(R, "OldestDuePostAlarm", P, "AlarmActions")],
    "rule_what_cannot_be_made_again_is_kept": [
        drop(R, "Table", "DeletionPolicy"),
        put(R, "TokenKey", "UpdateReplacePolicy", value="Delete"),
        drop(R, "Table", P, "PointInTimeRecoverySpecification"),
        put(R, "TokenKey", P, "EnableKeyRotation", value=False),
    ],
    "rule_buckets_are_closed": [
        drop(R, "MediaBucket", P, "PublicAccessBlockConfiguration", "BlockPublicPolicy"),
        drop(R, "MediaAccessLogs", P, "BucketEncryption"),
        put(R, "MediaBucket", P, "LifecycleConfiguration", "Rules", value=[]),
    ],
    "rule_logs_end_and_belong_to_their_function": [
        drop(R, "ApiLogs", P, "RetentionInDays"),
        drop(R, "ApiFunction", P, "LoggingConfig"),
        drop(R, "ApiFunction", P, "LoggingConfig", "ApplicationLogLevel"),
        statement("ApiRole", "WriteLogs", Resource={"Fn::GetAtt": ["StatusPollLogs", "Arn"]}),
    ],
    "rule_the_access_log_holds_no_secret": [
        put(R, "HttpApiStage", P, "AccessLogSettings", "Format", value='{"path":"$context.path"}'),
        put(R, "HttpApiStage", P, "AccessLogSettings", "Format", value="$context.requestId $context.identity.userAgent"),
    ],
    "rule_each_function_has_a_role_of_its_own_with_named_needs": [
        put(R, "StatusPollFunction", P, "Role", value={"Fn::GetAtt": ["ApiRole", "Arn"]}),
        statement("ApiRole", "ReadSecrets", Resource="*"),
        statement("ApiRole", "KeepRows", Action=["dynamodb:*"]),
        statement("ApiRole", "KeepRows", Sid=None),
        put(R, "ApiRole", P, "ManagedPolicyArns", value=["arn:aws:iam::aws:policy/AdministratorAccess"]),
    ],
    "rule_functions_read_what_they_are_told": [
        put(R, "MediaIngestFunction", P, "Environment", "Variables", "EXTRA", value={"Ref": "Stage"}),
        drop(R, "MediaIngestFunction", P, "Environment", "Variables", "PUBLISH_QUEUE_URL"),
    ],
    "rule_manifest_settings_and_role_say_the_same": [
        statement("MediaIngestRole", "ProbeUploads", Action="kms:Decrypt"),
        drop(R, "PublishInitFunction", P, "Environment", "Variables", "TIKTOK_API_BASE_URL"),
        drop(R, "PublishInitFunction", P, "Environment", "Variables", "REFRESH_QUEUE_URL"),
        statement("TokenRefreshRole", "TakeJobs", Resource={"Fn::GetAtt": ["PublishQueue", "Arn"]}),
    ],
}


class HouseRules(unittest.TestCase):
    def test_every_rule_is_shown_what_breaks_it(self):
        self.assertEqual(set(lint.house_rules()), set(BREAKS))

    def test_every_rule_finds_what_breaks_it(self):
        for name, changes in BREAKS.items():
            for number, change in enumerate(changes):
                with self.subTest(rule=name, change=number):
                    template = copy.deepcopy(SOUND)
                    change(template)
                    rule = lint.house_rules()[name]
                    self.assertNotEqual(set(rule(template)) - set(rule(SOUND)), set())


if __name__ == "__main__":
    unittest.main()
