output "user_pool_id" {
  description = "The user pool, in which people are invited."
  value       = aws_cognito_user_pool.this.id
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
  value       = "${local.role_arns}/${var.name}-service"
  depends_on  = [aws_iam_role.this, aws_iam_role_policy.this, aws_iam_role_policy_attachment.worker]
}

output "service_task_role_name" {
  description = "The name of service_task_role_arn."
  value       = "${var.name}-service"
  depends_on  = [aws_iam_role.this]
}

output "service_execution_role_arn" {
  description = "The role that ECS starts the service's tasks with."
  value       = "${local.role_arns}/${var.name}-execution"
  depends_on  = [aws_iam_role.this, aws_iam_role_policy.this, aws_iam_role_policy_attachment.worker]
}

output "service_execution_role_name" {
  description = "The name of service_execution_role_arn."
  value       = "${var.name}-execution"
  depends_on  = [aws_iam_role.this]
}

output "runai_worker_role_arn" {
  description = "The role of workers in pods, by web identity; null without oidc_subjects."
  value       = contains(keys(local.trusts), "runai-worker") ? "${local.role_arns}/${var.name}-runai-worker" : null
  depends_on  = [aws_iam_role.this, aws_iam_role_policy.this, aws_iam_role_policy_attachment.worker]
}

output "runai_worker_role_name" {
  description = "The name of runai_worker_role_arn."
  value       = contains(keys(local.trusts), "runai-worker") ? "${var.name}-runai-worker" : null
  depends_on  = [aws_iam_role.this]
}

output "desktop_worker_role_arn" {
  description = "The role of desktop workers of a lab that has credentials of AWS; null without desktop_worker_principal_arns."
  value       = contains(keys(local.trusts), "desktop-worker") ? "${local.role_arns}/${var.name}-desktop-worker" : null
  depends_on  = [aws_iam_role.this, aws_iam_role_policy.this, aws_iam_role_policy_attachment.worker]
}

output "desktop_worker_role_name" {
  description = "The name of desktop_worker_role_arn."
  value       = contains(keys(local.trusts), "desktop-worker") ? "${var.name}-desktop-worker" : null
  depends_on  = [aws_iam_role.this]
}

output "scaler_role_arn" {
  description = "The role of KEDA's operator; null without scaler_oidc_subjects."
  value       = contains(keys(local.trusts), "scaler") ? "${local.role_arns}/${var.name}-scaler" : null
  depends_on  = [aws_iam_role.this, aws_iam_role_policy.this, aws_iam_role_policy_attachment.worker]
}

output "scaler_role_name" {
  description = "The name of scaler_role_arn."
  value       = contains(keys(local.trusts), "scaler") ? "${var.name}-scaler" : null
  depends_on  = [aws_iam_role.this]
}

output "operator_role_arn" {
  description = "The role of whoever runs the environment; null without operator_principal_arns."
  value       = contains(keys(local.trusts), "operator") ? "${local.role_arns}/${var.name}-operator" : null
  depends_on  = [aws_iam_role.this, aws_iam_role_policy.this, aws_iam_role_policy_attachment.worker]
}

output "operator_role_name" {
  description = "The name of operator_role_arn."
  value       = contains(keys(local.trusts), "operator") ? "${var.name}-operator" : null
  depends_on  = [aws_iam_role.this]
}

output "data_role_arns" {
  description = "The roles that read or write objects: whom the bucket policies have to let in."
  value       = [for role in ["service", "runai-worker", "desktop-worker"] : "${local.role_arns}/${var.name}-${role}" if contains(keys(local.trusts), role)]
  depends_on  = [aws_iam_role.this]
}
