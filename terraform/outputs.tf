# Written by "npm run terraform" from template.yaml.

output "instance_policy_arn" {
  description = "Attach it to the role of every instance that carries the tag"
  value       = lookup(aws_cloudformation_stack.nat_medic.outputs, "InstancePolicyArn", null)
}

output "state_machine_arn" {
  description = "Start a diagnosis by hand with it"
  value       = lookup(aws_cloudformation_stack.nat_medic.outputs, "StateMachineArn", null)
}

output "fleet_state_machine_arn" {
  description = "Runs over many instances; the machine above starts it when it is asked for several"
  value       = lookup(aws_cloudformation_stack.nat_medic.outputs, "FleetStateMachineArn", null)
}

output "alarm_action_arn" {
  description = "The action of an alarm that is to start NAT Medic itself, without the rule"
  value       = lookup(aws_cloudformation_stack.nat_medic.outputs, "AlarmActionArn", null)
}

output "topic_arn" {
  description = "Subscribe to it to be told"
  value       = lookup(aws_cloudformation_stack.nat_medic.outputs, "TopicArn", null)
}

output "chat_topic_arn" {
  description = "Subscribe Amazon Q Developer in chat applications to it"
  value       = lookup(aws_cloudformation_stack.nat_medic.outputs, "ChatTopicArn", null)
}

output "incident_table_name" {
  description = "Every incident, with its evidence, decisions and changes"
  value       = lookup(aws_cloudformation_stack.nat_medic.outputs, "IncidentTableName", null)
}

output "approval_page_url" {
  description = "Where the links in requests for a decision lead"
  value       = lookup(aws_cloudformation_stack.nat_medic.outputs, "ApprovalPageUrl", null)
}

output "spoke_bus_arn" {
  description = "Where spokes forward alarms to"
  value       = lookup(aws_cloudformation_stack.nat_medic.outputs, "SpokeBusArn", null)
}

output "pipeline_topic_arn" {
  description = "Subscribe to it to be told when NAT Medic itself is in trouble"
  value       = lookup(aws_cloudformation_stack.nat_medic.outputs, "PipelineTopicArn", null)
}

output "dashboard_url" {
  description = "The fleet at a glance"
  value       = lookup(aws_cloudformation_stack.nat_medic.outputs, "DashboardUrl", null)
}

output "undelivered_events_url" {
  description = "Alarm events that could not be delivered"
  value       = lookup(aws_cloudformation_stack.nat_medic.outputs, "UndeliveredEventsUrl", null)
}
