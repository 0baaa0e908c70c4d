output "name" {
  description = "What the names of everything here begin with."
  value       = local.name
}

output "url" {
  description = "Where the service is."
  value       = module.service.url
}

output "load_balancer_dns_name" {
  description = "What a CNAME of hostname leads to, where hosted_zone_id is null."
  value       = module.service.load_balancer_dns_name
}

output "service_settings" {
  description = "What the service is told."
  value       = local.service_settings
}

output "client_settings" {
  description = "What clients and desktop workers need besides a login or a token."
  value       = local.client_settings
}

output "operator_settings" {
  description = "What `sleap-rtc doctor --environment` and `sleap-rtc events` need besides AWS credentials."
  value       = local.operator_settings
}

output "user_pool_id" {
  description = "The user pool, in which people are invited."
  value       = module.identity.user_pool_id
}

output "roles" {
  description = "Whom to assume: operator, desktop worker, worker in a pod, KEDA's operator; null where there is none."
  value = {
    operator       = module.identity.operator_role_arn
    desktop_worker = module.identity.desktop_worker_role_arn
    runai_worker   = module.identity.runai_worker_role_arn
    scaler         = module.identity.scaler_role_arn
  }
}

output "buckets" {
  description = "The buckets, by what they are for."
  value = {
    uploads = module.storage.uploads_bucket
    rooms   = module.storage.rooms_bucket
    logs    = module.storage.logs_bucket
  }
}

output "cluster" {
  description = "The ECS cluster and the service in it."
  value       = { name = module.service.cluster_name, service = module.service.service_name }
}

output "log_group_name" {
  description = "The service's logs."
  value       = module.service.log_group_name
}

output "alarm_names" {
  description = "All alarms."
  value       = module.alarms.alarm_names
}

output "alarm_topic_arn" {
  description = "The topic that they are told on."
  value       = module.alarms.alarm_topic_arn
}

output "keda_manifests" {
  description = "Room id -> the text of its KEDA manifest."
  value       = length(module.workers) > 0 ? module.workers[0].keda_manifests : {}
}

output "runai_manifests" {
  description = "Room id -> the text of its Run:ai workload."
  value       = length(module.workers) > 0 ? module.workers[0].runai_manifests : {}
}
