import type { ContainerDetails, ContainerSummary } from '../types.ts';
import { id, labels, maybeFlag, maybeText, maybeWhole, seconds, texts } from './common.ts';
import { descriptor } from './descriptor.ts';
import { anything, list, object, optional, record, type Shape, text, whole } from './shape.ts';

const endpoint = object({
  IPAMConfig: optional(object({ IPv4Address: maybeText, IPv6Address: maybeText, LinkLocalIPs: texts })),
  Links: texts,
  Aliases: texts,
  DNSNames: texts,
  MacAddress: maybeText,
  DriverOpts: optional(record(text())),
  GwPriority: maybeWhole,
  NetworkID: maybeText,
  EndpointID: maybeText,
  Gateway: maybeText,
  IPAddress: maybeText,
  IPPrefixLen: maybeWhole,
  IPv6Gateway: maybeText,
  GlobalIPv6Address: maybeText,
  GlobalIPv6PrefixLen: maybeWhole,
});

const port = object({
  IP: maybeText,
  PrivatePort: whole(0, 65_535),
  PublicPort: optional(whole(0, 65_535)),
  Type: text(),
});

const mount = object({
  Type: maybeText,
  Name: maybeText,
  Source: maybeText,
  Destination: maybeText,
  Driver: maybeText,
  Mode: maybeText,
  RW: maybeFlag,
  Propagation: maybeText,
});

export const container: Shape<ContainerSummary> = object({
  Id: id,
  Names: texts,
  Image: text(),
  ImageID: text(),
  Command: maybeText,
  Created: seconds,
  Ports: optional(list(port)),
  SizeRw: maybeWhole,
  SizeRootFs: maybeWhole,
  Labels: labels,
  State: text(),
  Status: text(),
  HostConfig: optional(object({ NetworkMode: maybeText, Annotations: optional(record(text())) })),
  NetworkSettings: optional(object({ Networks: optional(record(optional(endpoint))) })),
  Mounts: optional(list(mount)),
  Health: optional(object({ Status: maybeText, FailingStreak: maybeWhole })),
  ImageManifestDescriptor: optional(descriptor),
}) as Shape<ContainerSummary>;

export const details: Shape<ContainerDetails> = object({
  Id: optional(id),
  State: optional(object({ Status: maybeText, StartedAt: maybeText, FinishedAt: maybeText })),
  Config: optional(object({ Image: maybeText, Labels: labels, ExposedPorts: optional(record(anything)) })),
  HostConfig: optional(object({})),
}) as Shape<ContainerDetails>;
