/* SPDX-License-Identifier: BSD-3-Clause */
/* Namespaces and veth by unshare, one netlink message, and interface ioctls. */
#include "veth.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

int netns_enter(void)
{
	char map[64];
	unsigned uid = getuid(), gid = getgid();
	int rc;

	if (unshare(CLONE_NEWNET) == 0)
		return 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return -errno;
	(void)put_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	rc = put_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	return rc ? rc : put_file("/proc/self/gid_map", map);
}

/* ---- one netlink request ---- */

struct request {
	struct nlmsghdr n;
	struct ifinfomsg i;
	uint8_t room[512];
};

static struct rtattr *attr(struct request *r, unsigned short type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)(void *)((uint8_t *)r + NLMSG_ALIGN(r->n.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	r->n.nlmsg_len = NLMSG_ALIGN(r->n.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

static void attr_end(struct request *r, struct rtattr *a)
{
	a->rta_len = (unsigned short)((uint8_t *)r + r->n.nlmsg_len - (uint8_t *)a);
}

static int transact(struct request *r)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), rc;
	struct {
		struct nlmsghdr n;
		struct nlmsgerr e;
		uint8_t rest[512];
	} answer;

	if (fd < 0)
		return -errno;
	r->n.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	rc = send(fd, r, r->n.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0 ? -errno
	                                                                                    : 0;
	close(fd);
	if (rc)
		return rc;
	return answer.n.nlmsg_type == NLMSG_ERROR ? answer.e.error : -EPROTO;
}

int veth_make(pid_t far)
{
	struct request r = {.n = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
	                          .nlmsg_type = RTM_NEWLINK,
	                          .nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL},
	                    .i = {.ifi_family = AF_UNSPEC}};
	struct ifinfomsg none = {.ifi_family = AF_UNSPEC};
	uint32_t pid = (uint32_t)far;
	struct rtattr *info, *data, *peer;

	attr(&r, IFLA_IFNAME, VETH_NEAR, sizeof(VETH_NEAR));
	info = attr(&r, IFLA_LINKINFO, NULL, 0);
	attr(&r, IFLA_INFO_KIND, "veth", 4);
	data = attr(&r, IFLA_INFO_DATA, NULL, 0);
	peer = attr(&r, VETH_INFO_PEER, &none, sizeof(none));
	attr(&r, IFLA_IFNAME, VETH_FAR, sizeof(VETH_FAR));
	attr(&r, IFLA_NET_NS_PID, &pid, sizeof(pid));
	attr_end(&r, peer);
	attr_end(&r, data);
	attr_end(&r, info);
	return transact(&r);
}

/* ---- interface ioctls ---- */

static int set_address(int fd, struct ifreq *r, unsigned long request, const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET};

	inet_pton(AF_INET, text, &a.sin_addr);
	memcpy(&r->ifr_addr, &a, sizeof(a));
	return ioctl(fd, request, r) ? -errno : 0;
}

static int set_up(int fd, struct ifreq *r)
{
	if (ioctl(fd, SIOCGIFFLAGS, r))
		return -errno;
	r->ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, r) ? -errno : 0;
}

int veth_up(const char *name, const char *address, unsigned mtu)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;
	struct ifreq r = {0}, lo = {.ifr_name = "lo"};

	if (fd < 0)
		return -errno;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	rc = set_up(fd, &lo);
	rc = rc ? rc : set_address(fd, &r, SIOCSIFADDR, address);
	rc = rc ? rc : set_address(fd, &r, SIOCSIFNETMASK, "255.255.255.0");
	r.ifr_mtu = (int)mtu;
	if (!rc && ioctl(fd, SIOCSIFMTU, &r))
		rc = -errno;
	rc = rc ? rc : set_up(fd, &r);
	close(fd);
	return rc;
}

int veth_offloads(const char *name, bool on)
{
	static const uint32_t what[] = {ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

	if (fd < 0)
		return -errno;
	for (unsigned i = 0; i < 3; i++) {
		struct ethtool_value v = {.cmd = what[i], .data = on};
		struct ifreq r = {0};

		snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
		r.ifr_data = (void *)&v;
		if (ioctl(fd, SIOCETHTOOL, &r))
			rc = -errno;
	}
	close(fd);
	return rc;
}
