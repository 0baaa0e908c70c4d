output "user_pool_id" {
  description = "The user pool, in which people are invited."
  value       = local.user_pool_id
}

output "issuer" {
  description = "Who signs tokens (setting issuer)."
  value       = local.issuer
}

output "jwks_url" {
  description = "Where the keys of its signatures are (setting jwks_url)."
  value       = local.jwks_url
}

output "discovery_url" {
  description = "The issuer's discovery document (setting discovery_url)."
  value       = local.discovery_url
}

output "sign_in_url" {
  description = "The pages that people sign in at."
  value       = local.sign_in_url
}

output "audiences" {
  description = "The app clients whose tokens the service takes (setting audience has one)."
  value       = local.audiences
}

output "sign_in_ports" {
  description = "The ports of callback_urls (setting sign_in_ports)."
  value       = local.sign_in_ports
}

output "service_task_role_arn" {
  description = "The role that the service works with."
  value       = local.service_task_role_arn
}

output "service_task_role_name" {
  description = "Its name."
  value       = local.service_task_role_name
}

output "service_execution_role_arn" {
  description = "The role that ECS starts the service's tasks with."
  value       = local.service_execution_role_arn
}

output "service_execution_role_name" {
  description = "Its name."
  value       = local.service_execution_role_name
}

output "runai_worker_role_arn" {
  description = "The role of workers in pods, by web identity; null without oidc_subjects."
  value       = local.runai_worker_role_arn
}

output "runai_worker_role_name" {
  description = "Its name."
  value       = local.runai_worker_role_name
}

output "desktop_worker_role_arn" {
  description = "The role of desktop workers of a lab that has AWS credentials; null without desktop_worker_principal_arns."
  value       = local.desktop_worker_role_arn
}

output "desktop_worker_role_name" {
  description = "Its name."
  value       = local.desktop_worker_role_name
}

output "scaler_role_arn" {
  description = "The role of KEDA's operator; null without scaler_oidc_subjects."
  value       = local.scaler_role_arn
}

output "scaler_role_name" {
  description = "Its name."
  value       = local.scaler_role_name
}

output "operator_role_arn" {
  description = "The role of whoever runs the environment; null without operator_principal_arns."
  value       = local.operator_role_arn
}

output "operator_role_name" {
  description = "Its name."
  value       = local.operator_role_name
}

output "data_role_arns" {
  description = "The roles that read or write objects: whom the bucket policies have to let in."
  value       = local.data_role_arns
}
