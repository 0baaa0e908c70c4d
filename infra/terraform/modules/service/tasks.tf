# The service in containers that nobody keeps a machine for (docs/deployment.md says what it needs).
locals {
  log_group_name = "/sleap-rtc/${var.name}/service"

  environment = merge(var.settings, {
    SLEAP_RTC_S3_REGION       = var.region
    SLEAP_RTC_BACKEND_API_URL = "https://${var.hostname}"
    SLEAP_RTC_DRAIN_S         = tostring(var.drain_s)
  })

  container = {
    name                   = "service"
    image                  = var.image
    essential              = true
    user                   = "1000:1000"
    readonlyRootFilesystem = true
    # ECS kills it after this; it is gone by itself after drain_s.
    stopTimeout  = var.drain_s + 10
    portMappings = [{ containerPort = local.port, protocol = "tcp" }]
    environment  = [for name in sort(keys(local.environment)) : { name = name, value = local.environment[name] }]
    secrets      = [for name in sort(keys(var.secrets)) : { name = name, valueFrom = var.secrets[name] }]
    linuxParameters = {
      capabilities = { drop = ["ALL"] }
      tmpfs        = [{ containerPath = "/tmp", size = 128, mountOptions = ["nosuid", "nodev", "noexec"] }]
    }
    # The platform's own check: a store that is away makes a task not ready, and starting it again would not help.
    healthCheck = {
      command     = ["CMD", "python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:${local.port}/healthz', timeout=4)"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 30
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = local.log_group_name
        awslogs-region        = var.region
        awslogs-stream-prefix = "service"
        # A log that cannot be written does not hold anybody up.
        mode            = "non-blocking"
        max-buffer-size = "25m"
      }
    }
  }

  services = merge(
    { api = { count = var.desired_count, target_groups = ["api"] } },
    # It answers requests like any other task, and has the sockets besides.
    local.signaling_apart ? { signaling = { count = 1, target_groups = ["api", "signaling"] } } : {},
  )
}

resource "aws_cloudwatch_log_group" "service" {
  # checkov:skip=CKV_AWS_158:CloudWatch encrypts logs with its own key, and ours have neither tokens nor URLs; log_kms_key_arn takes another key.
  name              = local.log_group_name
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = merge(var.tags, { Name = local.log_group_name })
}

resource "aws_ecs_cluster" "this" {
  name = var.name
  tags = merge(var.tags, { Name = var.name })

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "service" {
  family                   = "${var.name}-service"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  task_role_arn            = var.task_role_arn
  execution_role_arn       = var.execution_role_arn
  container_definitions    = jsonencode([local.container])
  tags                     = merge(var.tags, { Name = "${var.name}-service" })

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }
}

resource "aws_ecs_service" "this" {
  for_each = local.services

  name                               = "${var.name}-${each.key}"
  cluster                            = aws_ecs_cluster.this.id
  task_definition                    = aws_ecs_task_definition.service.arn
  launch_type                        = "FARGATE"
  platform_version                   = "LATEST"
  desired_count                      = each.value.count
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 60
  enable_execute_command             = false
  enable_ecs_managed_tags            = true
  propagate_tags                     = "SERVICE"
  availability_zone_rebalancing      = "ENABLED"
  tags                               = merge(var.tags, { Name = "${var.name}-${each.key}" })
  # A target group takes targets once a listener knows it.
  depends_on = [aws_lb_listener.https, aws_lb_listener_rule.signaling]

  network_configuration {
    subnets          = [for subnet in aws_subnet.private : subnet.id]
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = each.value.target_groups

    content {
      target_group_arn = aws_lb_target_group.this[load_balancer.value].arn
      container_name   = local.container.name
      container_port   = local.port
    }
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  lifecycle {
    # Scaling decides.
    ignore_changes = [desired_count]
  }
}
