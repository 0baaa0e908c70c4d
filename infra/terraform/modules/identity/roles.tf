# Who may come to which role. Each role's name is made here, so that its ARN is known before it exists.
locals {
  role_arns = "arn:${var.partition}:iam::${var.account_id}:role"

  trusts = merge(
    {
      service   = local.trust_of_tasks
      execution = local.trust_of_tasks
    },
    length(var.oidc_subjects) > 0 ? { runai-worker = local.trust_of_pods["worker"] } : {},
    length(var.scaler_oidc_subjects) > 0 ? { scaler = local.trust_of_pods["scaler"] } : {},
    length(var.desktop_worker_principal_arns) > 0 ? { desktop-worker = local.trust_of_people["desktop"] } : {},
    length(var.operator_principal_arns) > 0 ? { operator = local.trust_of_people["operator"] } : {},
  )

  trust_of_tasks = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TasksOfEcs"
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      # Nobody else's tasks: the confused deputy.
      Condition = {
        StringEquals = { "aws:SourceAccount" = var.account_id }
        ArnLike      = { "aws:SourceArn" = "arn:${var.partition}:ecs:${var.region}:${var.account_id}:*" }
      }
    }]
  })

  trust_of_pods = {
    for who, subjects in { worker = var.oidc_subjects, scaler = var.scaler_oidc_subjects } : who => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid       = "PodsOfTheseServiceAccounts"
        Effect    = "Allow"
        Principal = { Federated = coalesce(var.oidc_provider_arn, "none") }
        Action    = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "${coalesce(var.oidc_issuer, "none")}:aud" = var.oidc_audience
            "${coalesce(var.oidc_issuer, "none")}:sub" = subjects
          }
        }
      }]
    })
  }

  trust_of_people = {
    for who, principals in {
      desktop  = var.desktop_worker_principal_arns
      operator = var.operator_principal_arns
      } : who => jsonencode({
        Version = "2012-10-17"
        Statement = [{
          Sid       = "ThesePrincipals"
          Effect    = "Allow"
          Principal = { AWS = principals }
          Action    = "sts:AssumeRole"
        }]
    })
  }

  inline_policies = merge(
    {
      "service/work"   = local.service_policy
      "execution/work" = local.execution_policy
    },
    var.ecr_repository == null ? {} : { "execution/image" = local.execution_image_policy },
    contains(keys(local.trusts), "scaler") ? { "scaler/work" = local.scaler_policy } : {},
    contains(keys(local.trusts), "operator") ? { "operator/work" = local.operator_policy } : {},
    var.kms_key_arn == null ? {} : {
      for role in ["service", "runai-worker", "desktop-worker", "operator"] :
      "${role}/encryption" => local.encryption_policy if contains(keys(local.trusts), role)
    },
  )
  workers = toset([for role in ["runai-worker", "desktop-worker"] : role if contains(keys(local.trusts), role)])
  attachments = {
    for pair in setproduct(local.workers, keys(local.worker_policies)) :
    "${pair[0]}/${pair[1]}" => { role = pair[0], room = pair[1] }
  }
}

resource "aws_iam_role" "this" {
  for_each = local.trusts

  name                 = "${var.name}-${each.key}"
  description          = local.descriptions[each.key]
  assume_role_policy   = each.value
  max_session_duration = contains(["runai-worker", "desktop-worker"], each.key) ? 43200 : 3600
  tags                 = merge(var.tags, { Name = "${var.name}-${each.key}" })
}

locals {
  descriptions = {
    service        = "What the service of ${var.name} works with"
    execution      = "What ECS starts the tasks of ${var.name} with"
    runai-worker   = "Workers of ${var.name} in pods, by web identity"
    desktop-worker = "Desktop workers of ${var.name} that have credentials of AWS"
    scaler         = "Reads how many jobs of ${var.name} wait"
    operator       = "Looks after ${var.name}"
  }
}

resource "aws_iam_role_policy" "this" {
  for_each = local.inline_policies

  name   = split("/", each.key)[1]
  role   = aws_iam_role.this[split("/", each.key)[0]].name
  policy = each.value
}

# Managed ones, of which a role takes ten: inline ones have to fit into 10,240 characters together.
resource "aws_iam_policy" "worker" {
  for_each = length(local.workers) > 0 ? local.worker_policies : {}

  name        = "${var.name}-worker-${each.key}"
  description = "What a worker of ${var.name} may do in ${each.key == "every-room" ? "every room" : "room ${each.key}"}"
  policy      = each.value
  tags        = merge(var.tags, { Name = "${var.name}-worker-${each.key}" })
}

resource "aws_iam_role_policy_attachment" "worker" {
  for_each = local.attachments

  role       = aws_iam_role.this[each.value.role].name
  policy_arn = aws_iam_policy.worker[each.value.room].arn
}
