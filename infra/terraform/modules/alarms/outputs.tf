output "alarm_topic_arn" {
  description = "The topic that alarms, the budget and anomalies are told on."
  value       = local.topic_arn
  depends_on  = [aws_sns_topic_policy.alarms]
}

output "alarm_names" {
  description = "The names of all alarms."
  value = sort(concat(
    [for alarm in aws_cloudwatch_metric_alarm.queue : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.log : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.tasks : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.s3 : alarm.alarm_name],
    [aws_cloudwatch_metric_alarm.failures.alarm_name],
  ))
}
