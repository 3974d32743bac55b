// The kernel's numbers for rtnetlink(7) and nf_tables messages, and entering a network namespace.
#ifndef APRON_NETLINK_H
#define APRON_NETLINK_H

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

// setns(2) of the calling thread with CLONE_NEWNET.
int apron_enter_network_namespace(int fd);

#endif
