import type { NetworkSummary } from '../types.ts';
import { id, labels, maybeFlag, maybeText, maybeWhole, texts } from './common.ts';
import { list, object, optional, record, type Shape, text } from './shape.ts';

export const network: Shape<NetworkSummary> = object({
  Id: id,
  Name: text(),
  Driver: text(),
  Scope: text(),
  Created: maybeText,
  EnableIPv4: maybeFlag,
  EnableIPv6: maybeFlag,
  IPAM: optional(
    object({
      Driver: maybeText,
      Options: optional(record(text())),
      Config: optional(
        list(
          object({
            Subnet: maybeText,
            IPRange: maybeText,
            Gateway: maybeText,
            AuxiliaryAddresses: optional(record(text())),
          }),
        ),
      ),
    }),
  ),
  Internal: maybeFlag,
  Attachable: maybeFlag,
  Ingress: maybeFlag,
  ConfigFrom: optional(object({ Network: maybeText })),
  ConfigOnly: maybeFlag,
  Options: optional(record(text())),
  Labels: labels,
  Containers: optional(
    record(
      object({
        Name: maybeText,
        EndpointID: maybeText,
        MacAddress: maybeText,
        IPv4Address: maybeText,
        IPv6Address: maybeText,
      }),
    ),
  ),
  Services: optional(
    record(
      object({
        VIP: maybeText,
        Ports: texts,
        LocalLBIndex: maybeWhole,
        Tasks: optional(
          list(
            object({
              Name: maybeText,
              EndpointID: maybeText,
              EndpointIP: maybeText,
              Info: optional(record(text())),
            }),
          ),
        ),
      }),
    ),
  ),
  Peers: optional(list(object({ Name: maybeText, IP: maybeText }))),
}) as Shape<NetworkSummary>;
