# TLS ends here. What has to meet in one process, the sockets of live peers, goes to one task of its own.
locals {
  target_groups = merge(
    { api = 30 },
    # Short: until it has passed, the peers of a room may be spread over two tasks.
    local.signaling_apart ? { signaling = 5 } : {},
  )
  # With one task there is nothing to keep together.
  signaling_apart = var.max_count > 1
}

resource "aws_lb" "this" {
  # checkov:skip=CKV2_AWS_28:The service limits requests itself and takes none without a token but health and sign-in addresses; a web ACL would cost 6 USD a month and more.
  # checkov:skip=CKV_AWS_150:It is protected unless deletion_protection says otherwise, as an environment that is taken down has to.
  name                             = var.name
  load_balancer_type               = "application"
  internal                         = false
  security_groups                  = [aws_security_group.balancer.id]
  subnets                          = [for subnet in aws_subnet.public : subnet.id]
  drop_invalid_header_fields       = true
  desync_mitigation_mode           = "strictest"
  enable_deletion_protection       = var.deletion_protection
  enable_cross_zone_load_balancing = true
  # Streams are silent for 10 s at a time, long polls for 20.
  idle_timeout = 120
  tags         = merge(var.tags, { Name = var.name })

  access_logs {
    bucket  = var.access_logs_bucket
    prefix  = "load-balancer"
    enabled = true
  }
}

resource "aws_lb_target_group" "this" {
  # checkov:skip=CKV_AWS_378:TLS ends at the load balancer; between it and its tasks is the private network of the VPC.
  for_each = local.target_groups

  name        = "${substr(var.name, 0, 22)}-${each.key}"
  vpc_id      = aws_vpc.this.id
  target_type = "ip"
  protocol    = "HTTP"
  port        = local.port
  # ECS takes a task out, waits this long for what it is at (long polls of 20 s), and only then tells it to stop.
  deregistration_delay          = each.value
  load_balancing_algorithm_type = "least_outstanding_requests"
  tags                          = merge(var.tags, { Name = "${var.name}-${each.key}" })

  health_check {
    path                = "/readyz"
    matcher             = "200"
    interval            = 5
    timeout             = 4
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  # TLS 1.3, and of 1.2 what has forward secrecy and authenticates what it encrypts.
  ssl_policy                                                   = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
  certificate_arn                                              = var.certificate_arn
  routing_http_response_strict_transport_security_header_value = "max-age=31536000"
  routing_http_response_x_content_type_options_header_value    = "nosniff"
  tags                                                         = merge(var.tags, { Name = "${var.name}-https" })

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this["api"].arn
  }
}

resource "aws_lb_listener" "redirect" {
  load_balancer_arn = aws_lb.this.arn
  port              = 80
  protocol          = "HTTP"
  tags              = merge(var.tags, { Name = "${var.name}-redirect" })

  default_action {
    type = "redirect"

    redirect {
      port        = "443"
      protocol    = "HTTPS"
      status_code = "HTTP_301"
    }
  }
}

# Behind one address, each look would be at another task: tasks tell a collector (docs/production.md, "Metrics and traces").
resource "aws_lb_listener_rule" "metrics" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 5
  tags         = merge(var.tags, { Name = "${var.name}-metrics" })

  condition {
    path_pattern {
      values = ["/metrics"]
    }
  }

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      message_body = "The metrics are for those within."
      status_code  = "403"
    }
  }
}

# Who is connected is in the memory of one instance (docs/signaling.md, "Several instances").
resource "aws_lb_listener_rule" "signaling" {
  count = local.signaling_apart ? 1 : 0

  listener_arn = aws_lb_listener.https.arn
  priority     = 10
  tags         = merge(var.tags, { Name = "${var.name}-signaling" })

  condition {
    path_pattern {
      values = ["/ws", "/delete-peer", "/delete-peers-and-room"]
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this["signaling"].arn
  }
}

resource "aws_route53_record" "this" {
  count = var.hosted_zone_id == null ? 0 : 1

  zone_id = var.hosted_zone_id
  name    = var.hostname
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = false
  }
}
