output "url" {
  description = "Where the service is (setting backend_api_url of clients and workers)."
  value       = local.url
}

output "load_balancer_dns_name" {
  description = "The load balancer's own name: what a CNAME of hostname leads to where hosted_zone_id is null."
  value       = local.load_balancer_dns_name
}

output "load_balancer_arn_suffix" {
  description = "What CloudWatch knows the load balancer by."
  value       = local.load_balancer_arn_suffix
}

output "target_group_arn_suffix" {
  description = "What CloudWatch knows the target group of the API by."
  value       = local.target_group_arn_suffix
}

output "target_group_arn_suffixes" {
  description = "What CloudWatch knows all target groups by, name -> suffix."
  value       = local.target_group_arn_suffixes
}

output "cluster_name" {
  description = "The ECS cluster."
  value       = local.cluster_name
}

output "service_name" {
  description = "The ECS service of the API."
  value       = local.service_name
}

output "log_group_name" {
  description = "The service's log group."
  value       = local.log_group_name
}

output "vpc_id" {
  description = "The VPC."
  value       = local.vpc_id
}
