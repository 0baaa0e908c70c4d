output "name" {
  description = "What the names of everything here begin with."
  value       = module.environment.name
}

output "url" {
  description = "Where the service is."
  value       = module.environment.url
}

output "load_balancer_dns_name" {
  description = "What a CNAME of hostname leads to, where hosted_zone_id is null."
  value       = module.environment.load_balancer_dns_name
}

output "service_settings" {
  description = "What the service is told."
  value       = module.environment.service_settings
}

output "client_settings" {
  description = "What clients and desktop workers need besides a login or a token."
  value       = module.environment.client_settings
}

output "operator_settings" {
  description = "What `sleap-rtc doctor --environment` and `sleap-rtc events` need besides AWS credentials."
  value       = module.environment.operator_settings
}

output "user_pool_id" {
  description = "The user pool, in which people are invited."
  value       = module.environment.user_pool_id
}

output "roles" {
  description = "Whom to assume: operator, desktop worker, worker in a pod, KEDA's operator; null where there is none."
  value       = module.environment.roles
}

output "buckets" {
  description = "The buckets, by what they are for."
  value       = module.environment.buckets
}

output "cluster" {
  description = "The ECS cluster and the service in it."
  value       = module.environment.cluster
}

output "log_group_name" {
  description = "The service's logs."
  value       = module.environment.log_group_name
}

output "alarm_names" {
  description = "All alarms."
  value       = module.environment.alarm_names
}

output "alarm_topic_arn" {
  description = "The topic that they are told on."
  value       = module.environment.alarm_topic_arn
}

output "keda_manifests" {
  description = "Room id -> the text of its KEDA manifest."
  value       = module.environment.keda_manifests
}

output "runai_manifests" {
  description = "Room id -> the text of its Run:ai workload."
  value       = module.environment.runai_manifests
}
