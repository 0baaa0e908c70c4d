mock_provider "aws" {}

variables {
  name                = "sleap-rtc-test"
  account_id          = "123456789012"
  region              = "eu-central-1"
  image               = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/sleap-rtc-service:0.1.0"
  upload_events_queue = "lab-upload-events"
  certificate_arn     = "arn:aws:acm:eu-central-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
  hostname            = "sleap.example.org"
  access_logs_bucket  = "lab-logs"
  task_role_arn       = "arn:aws:iam::123456789012:role/sleap-rtc-test-service"
  execution_role_arn  = "arn:aws:iam::123456789012:role/sleap-rtc-test-execution"
  settings = {
    SLEAP_RTC_S3_UPLOAD_BUCKET = "lab-uploads"
    SLEAP_RTC_S3_ROOM_BUCKET   = "lab-rooms"
    SLEAP_RTC_ISSUER           = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE"
    SLEAP_RTC_JWKS_URL         = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_EXAMPLE/.well-known/jwks.json"
    SLEAP_RTC_AUDIENCE         = "example"
  }
  secrets = {
    SLEAP_RTC_RATE_LIMIT_STORE = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:sleap-rtc-test/limits-AbCdEf"
  }
}

run "tls_at_the_balancer" {
  command = plan

  assert {
    condition     = aws_lb_listener.https.port == 443 && aws_lb_listener.https.protocol == "HTTPS" && startswith(aws_lb_listener.https.ssl_policy, "ELBSecurityPolicy-TLS13-1-2-Res-")
    error_message = "TLS of 1.3, or 1.2 with forward secrecy."
  }
  assert {
    condition     = aws_lb_listener.https.routing_http_response_strict_transport_security_header_value == "max-age=31536000"
    error_message = "Browsers remember to come with TLS."
  }
  assert {
    condition     = aws_lb_listener.redirect.default_action[0].type == "redirect" && aws_lb_listener.redirect.default_action[0].redirect[0].protocol == "HTTPS"
    error_message = "Whoever comes without TLS is sent to it."
  }
  assert {
    condition     = aws_lb.this.drop_invalid_header_fields && aws_lb.this.idle_timeout >= 60 && aws_lb.this.enable_deletion_protection
    error_message = "Bad headers are dropped, streams are not cut, and nobody deletes it by mistake."
  }
  assert {
    condition     = aws_lb.this.access_logs[0].enabled && aws_lb.this.access_logs[0].bucket == "lab-logs" && aws_lb.this.access_logs[0].prefix == "load-balancer"
    error_message = "Who asked for what is written down."
  }
  assert {
    condition     = alltrue([for group in aws_lb_target_group.this : group.health_check[0].path == "/readyz" && group.health_check[0].matcher == "200" && group.target_type == "ip"])
    error_message = "A task that is not ready gets no requests."
  }
  assert {
    condition     = output.url == "https://sleap.example.org" && length(aws_route53_record.this) == 0
    error_message = "Clients know it by its name, whose record is made elsewhere unless a zone is given."
  }
}

run "tasks_with_nothing_that_they_do_not_need" {
  command = plan

  assert {
    condition     = alltrue([for service in aws_ecs_service.this : service.network_configuration[0].assign_public_ip == false && service.enable_execute_command == false])
    error_message = "No address in the Internet, and no way in."
  }
  assert {
    condition = alltrue([
      for container in jsondecode(aws_ecs_task_definition.service.container_definitions) :
      container.readonlyRootFilesystem && container.user == "1000:1000" && container.linuxParameters.capabilities.drop == ["ALL"] && container.linuxParameters.tmpfs[0].containerPath == "/tmp"
    ])
    error_message = "Nothing can be written but /tmp, by nobody who can do anything."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.service.container_definitions)[0].stopTimeout == 50 && contains(jsondecode(aws_ecs_task_definition.service.container_definitions)[0].environment, { name = "SLEAP_RTC_DRAIN_S", value = "40" })
    error_message = "A task has ten seconds more than it takes to drain."
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.service.container_definitions)[0].secrets == [{ name = "SLEAP_RTC_RATE_LIMIT_STORE", valueFrom = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:sleap-rtc-test/limits-AbCdEf" }]
    error_message = "Secrets come from Secrets Manager."
  }
  assert {
    condition     = contains(jsondecode(aws_ecs_task_definition.service.container_definitions)[0].environment, { name = "SLEAP_RTC_BACKEND_API_URL", value = "https://sleap.example.org" })
    error_message = "A task knows its own address."
  }
  assert {
    condition     = alltrue([for service in aws_ecs_service.this : service.deployment_circuit_breaker[0].rollback && service.deployment_minimum_healthy_percent == 100])
    error_message = "A version that does not come up is rolled back, the old one serving all the while."
  }
  assert {
    condition     = aws_cloudwatch_log_group.service.retention_in_days == 365 && aws_cloudwatch_log_group.service.name == "/sleap-rtc/sleap-rtc-test/service"
    error_message = "Logs are kept for a year, where the roles look for them."
  }
}

run "metrics_are_for_those_within" {
  command = plan

  variables {
    settings = {
      SLEAP_RTC_S3_UPLOAD_BUCKET  = "lab-uploads"
      SLEAP_RTC_S3_ROOM_BUCKET    = "lab-rooms"
      SLEAP_RTC_ISSUER            = "https://issuer.example.org"
      SLEAP_RTC_JWKS_URL          = "https://issuer.example.org/keys"
      SLEAP_RTC_AUDIENCE          = "example"
      OTEL_EXPORTER_OTLP_ENDPOINT = "https://collector.example.org"
    }
    secrets = {
      OTEL_EXPORTER_OTLP_HEADERS = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:sleap-rtc-test/collector-AbCdEf"
    }
  }

  assert {
    condition     = aws_lb_listener_rule.metrics.action[0].type == "fixed-response" && aws_lb_listener_rule.metrics.action[0].fixed_response[0].status_code == "403" && contains(flatten([for condition in aws_lb_listener_rule.metrics.condition : [for pattern in condition.path_pattern : tolist(pattern.values)]]), "/metrics")
    error_message = "Nobody outside has the metrics."
  }
  assert {
    condition     = aws_lb_listener_rule.metrics.priority < aws_lb_listener_rule.signaling[0].priority
    error_message = "No other rule comes before it."
  }
  assert {
    condition     = strcontains(aws_ecs_task_definition.service.container_definitions, "https://collector.example.org") && strcontains(aws_ecs_task_definition.service.container_definitions, "OTEL_EXPORTER_OTLP_HEADERS")
    error_message = "Every task tells the collector, with its key from a secret."
  }
}

run "live_peers_meet_in_one_task" {
  command = plan

  assert {
    condition     = aws_ecs_service.this["signaling"].desired_count == 1 && keys(aws_lb_target_group.this) == ["api", "signaling"]
    error_message = "One task has the sockets, and answers requests besides."
  }
  assert {
    condition     = contains(flatten([for condition in aws_lb_listener_rule.signaling[0].condition : [for pattern in condition.path_pattern : tolist(pattern.values)]]), "/ws")
    error_message = "Sockets are sent to it."
  }
  assert {
    condition     = aws_appautoscaling_target.api.min_capacity == 2 && aws_appautoscaling_target.api.max_capacity == 6
    error_message = "The others are scaled."
  }
}

run "one_task_has_all" {
  command = plan

  variables {
    min_count     = 1
    desired_count = 1
    max_count     = 1
  }

  assert {
    condition     = keys(aws_ecs_service.this) == ["api"] && length(aws_lb_listener_rule.signaling) == 0 && keys(aws_lb_target_group.this) == ["api"]
    error_message = "A single task needs none beside it."
  }
}

run "scaling" {
  command = plan

  assert {
    condition     = aws_appautoscaling_policy.cpu.target_tracking_scaling_policy_configuration[0].target_value == 60 && aws_appautoscaling_policy.requests.target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type == "ALBRequestCountPerTarget"
    error_message = "By processor and by requests."
  }
  assert {
    condition = anytrue(flatten([
      for query in aws_appautoscaling_policy.uploads.target_tracking_scaling_policy_configuration[0].customized_metric_specification[0].metrics :
      [for stat in query.metric_stat : [for metric in stat.metric : metric.metric_name == "ApproximateNumberOfMessagesVisible" && anytrue([for dimension in metric.dimensions : dimension.value == "lab-upload-events"])]]
    ]))
    error_message = "By finished uploads that wait."
  }
}

run "the_network" {
  command = plan

  assert {
    condition     = [for zone, subnet in aws_subnet.private : subnet.cidr_block] == ["10.70.8.0/24", "10.70.9.0/24"] && [for zone, subnet in aws_subnet.public : subnet.cidr_block] == ["10.70.0.0/24", "10.70.1.0/24"]
    error_message = "Two public and two private subnets that do not overlap."
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.public : subnet.map_public_ip_on_launch == false]) && length(aws_nat_gateway.this) == 1
    error_message = "Nothing gets an address by itself, and one way out is enough."
  }
  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway"
    error_message = "The way to S3 costs nothing."
  }
  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0
    error_message = "What costs by the hour is asked for."
  }
  assert {
    condition     = aws_vpc_security_group_egress_rule.tls.from_port == 443 && aws_vpc_security_group_ingress_rule.from_balancer.from_port == 8700
    error_message = "Tasks are reached by the balancer, and reach what speaks TLS."
  }
}

run "a_network_without_a_single_point" {
  command = plan

  variables {
    nat_per_zone        = true
    availability_zones  = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    interface_endpoints = ["sqs", "logs"]
    hosted_zone_id      = "Z0123456789ABC"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_subnet.private) == 3 && length(aws_vpc_endpoint.interface) == 2 && length(aws_security_group.endpoints) == 1 && length(aws_route53_record.this) == 1
    error_message = "A way out in each zone, and endpoints where they are asked for."
  }
}

run "an_image_without_a_version" {
  command = plan

  variables {
    image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/sleap-rtc-service"
  }

  expect_failures = [var.image]
}

run "an_image_that_is_the_latest" {
  command = plan

  variables {
    image = "images.example.org/sleap-rtc-service:latest"
  }

  expect_failures = [var.image]
}

run "an_image_by_digest" {
  command = plan

  variables {
    image = "images.example.org:5000/sleap-rtc-service@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }
}

run "no_certificate" {
  command = plan

  variables {
    certificate_arn = ""
  }

  expect_failures = [var.certificate_arn]
}

run "a_certificate_of_another_region" {
  command = plan

  variables {
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
  }

  expect_failures = [var.certificate_arn]
}

run "sizes_that_fargate_does_not_have" {
  command = plan

  variables {
    cpu = 300
  }

  expect_failures = [var.cpu]
}

run "memory_that_does_not_go_with_the_processor" {
  command = plan

  variables {
    cpu    = 256
    memory = 4096
  }

  expect_failures = [var.memory]
}

run "more_tasks_than_the_most" {
  command = plan

  variables {
    desired_count = 7
  }

  expect_failures = [var.desired_count]
}

run "a_least_number_above_the_most" {
  command = plan

  variables {
    min_count = 3
    max_count = 2
  }

  expect_failures = [var.max_count]
}

run "logs_kept_for_too_short" {
  command = plan

  variables {
    log_retention_days = 7
    log_kms_key_arn    = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  expect_failures = [var.log_retention_days, var.log_kms_key_arn]
}

run "settings_that_are_secrets" {
  command = plan

  variables {
    settings = {
      SLEAP_RTC_S3_UPLOAD_BUCKET = "lab-uploads"
      SLEAP_RTC_S3_ROOM_BUCKET   = "lab-rooms"
      SLEAP_RTC_ISSUER           = "https://issuer.example.org"
      SLEAP_RTC_JWKS_URL         = "https://issuer.example.org/keys"
      SLEAP_RTC_AUDIENCE         = "example"
      SLEAP_RTC_RATE_LIMIT_STORE = "redis://store"
    }
  }

  expect_failures = [var.settings]
}

run "an_endpoint_elsewhere" {
  command = plan

  variables {
    settings = {
      SLEAP_RTC_S3_UPLOAD_BUCKET = "lab-uploads"
      SLEAP_RTC_S3_ROOM_BUCKET   = "lab-rooms"
      SLEAP_RTC_ISSUER           = "https://issuer.example.org"
      SLEAP_RTC_JWKS_URL         = "https://issuer.example.org/keys"
      SLEAP_RTC_AUDIENCE         = "example"
      SLEAP_RTC_SQS_ENDPOINT_URL = "https://sqs.us-east-1.amazonaws.com"
    }
  }

  expect_failures = [var.settings]
}

run "names_that_aws_refuses" {
  command = plan

  variables {
    name                = "s"
    account_id          = "1234"
    region              = "Frankfurt"
    partition           = "gcp"
    architecture        = "MIPS"
    upload_events_queue = "https://sqs.eu-central-1.amazonaws.com/123456789012/lab-upload-events"
    vpc_cidr            = "10.70.0.1/30"
    hostname            = "https://sleap.example.org/"
    hosted_zone_id      = "example.org"
    access_logs_bucket  = "Logs"
    allowed_cidrs       = ["everywhere"]
    interface_endpoints = ["cognito-idp"]
  }

  expect_failures = [
    var.name, var.account_id, var.region, var.partition, var.architecture, var.upload_events_queue, var.vpc_cidr, var.hostname,
    var.hosted_zone_id, var.access_logs_bucket, var.allowed_cidrs, var.interface_endpoints,
  ]
}

run "things_of_other_places" {
  command = plan

  variables {
    availability_zones = ["us-east-1a", "us-east-1b"]
    task_role_arn      = "arn:aws:iam::210987654321:role/service"
    execution_role_arn = "service"
    secrets            = { SLEAP_RTC_RATE_LIMIT_STORE = "arn:aws:secretsmanager:us-east-1:123456789012:secret:limits-AbCdEf" }
  }

  expect_failures = [var.availability_zones, var.task_role_arn, var.execution_role_arn, var.secrets]
}

run "numbers_that_cannot_be" {
  command = plan

  variables {
    drain_s                    = 300
    target_cpu_percent         = 100
    target_requests_per_minute = 0
    target_waiting_uploads     = 0
    min_count                  = 0
    desired_count              = 0
  }

  expect_failures = [var.drain_s, var.target_cpu_percent, var.target_requests_per_minute, var.target_waiting_uploads, var.min_count]
}
