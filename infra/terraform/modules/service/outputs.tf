output "url" {
  description = "Where the service is (setting backend_api_url of clients and workers)."
  value       = "https://${var.hostname}"
}

output "load_balancer_dns_name" {
  description = "The load balancer's own name: where a CNAME of hostname leads to if hosted_zone_id is null."
  value       = aws_lb.this.dns_name
}

output "load_balancer_arn_suffix" {
  description = "What CloudWatch knows the load balancer by."
  value       = aws_lb.this.arn_suffix
}

output "target_group_arn_suffix" {
  description = "What CloudWatch knows the target group of the API by."
  value       = aws_lb_target_group.this["api"].arn_suffix
}

output "target_group_arn_suffixes" {
  description = "What CloudWatch knows all target groups by, name -> suffix."
  value       = { for name, group in aws_lb_target_group.this : name => group.arn_suffix }
}

output "cluster_name" {
  description = "The ECS cluster."
  value       = aws_ecs_cluster.this.name
}

output "service_name" {
  description = "The ECS service of the API."
  value       = aws_ecs_service.this["api"].name
}

output "log_group_name" {
  description = "The log group of the service."
  value       = aws_cloudwatch_log_group.service.name
}

output "vpc_id" {
  description = "The VPC, for what else is to be beside the service, such as a store of rate limits."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "The subnets of tasks."
  value       = [for subnet in aws_subnet.private : subnet.id]
}

output "tasks_security_group_id" {
  description = "The security group of tasks. It lets out TLS alone: a rule for another port is added to it from outside."
  value       = aws_security_group.tasks.id
}
