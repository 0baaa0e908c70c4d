output "alarm_topic_arn" {
  description = "The topic that alarms, the budget and anomalies are told on."
  value       = local.alarm_topic_arn
}

output "alarm_names" {
  description = "The names of all alarms."
  value       = local.alarm_names
}
