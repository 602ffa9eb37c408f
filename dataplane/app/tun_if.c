/* SPDX-License-Identifier: BSD-3-Clause */
/* The TUN interface, by ioctl: what `ip tuntap`, `ip addr` and `ip link` would do. */
#include "app/tun_if.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_tun.h>

/* As linux/ipv6.h has it, which cannot be included beside the C library's headers. */
struct in6_request {
	struct in6_addr addr;
	uint32_t prefix_bits;
	int index;
};

/* What the three steps of an administrator are. */
static void remedy(const struct dp_tun_cfg *cfg, const uint8_t *addr, char *out, size_t cap)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, addr, text, sizeof(text));
	snprintf(out, cap,
	         "start coyod with CAP_NET_ADMIN, or let root say: ip tuntap add dev %s mode tun "
	         "user USER; ip addr add %s/%u dev %s; ip link set %s mtu %u up",
	         cfg->name, text, cfg->route ? 8 : 128, cfg->name, cfg->name, cfg->mtu);
}

/* syscalls at the start: open ioctl close */
static int attach(const struct dp_tun_cfg *cfg, const uint8_t *addr, char *err, size_t errcap)
{
	struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), why;
	char help[400];

	if (fd < 0) {
		why = errno;
		snprintf(err, errcap,
		         "[tun]: cannot open /dev/net/tun: %s; load the kernel's module tun, or "
		         "give "
		         "this user the device",
		         strerror(why));
		return -why;
	}
	memcpy(r.ifr_name, cfg->name, sizeof(r.ifr_name));
	if (ioctl(fd, TUNSETIFF, &r) == 0)
		return fd;
	why = errno;
	close(fd);
	remedy(cfg, addr, help, sizeof(help));
	if (why == EBUSY)
		snprintf(err, errcap,
		         "[tun]: another process uses the interface %s: stop it, or give another "
		         "name",
		         cfg->name);
	else if (why == EPERM)
		snprintf(err, errcap, "[tun]: may not make the interface %s: %s", cfg->name, help);
	else
		snprintf(err, errcap,
		         "[tun]: cannot make the interface %s: %s; is there one of another kind?",
		         cfg->name, strerror(why));
	return -why;
}

/* Whether the interface has the address, and is up. */
static void look(const char *name, const uint8_t *addr, bool *has, bool *up)
{
	struct ifaddrs *all, *i;

	*has = *up = false;
	if (getifaddrs(&all) < 0)
		return;
	for (i = all; i; i = i->ifa_next) {
		if (strcmp(i->ifa_name, name) != 0)
			continue;
		*up |= (i->ifa_flags & IFF_UP) != 0;
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET6 &&
		    memcmp(&((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, addr,
		           IP6_ADDR_BYTES) == 0)
			*has = true;
	}
	freeifaddrs(all);
}

/* syscalls at the start: ioctl */
static int set_up(int s, const struct dp_tun_cfg *cfg, const uint8_t *addr)
{
	struct in6_request a = {.prefix_bits = cfg->route ? 8 : 128};
	struct ifreq r = {.ifr_mtu = cfg->mtu};

	memcpy(r.ifr_name, cfg->name, sizeof(r.ifr_name));
	memcpy(&a.addr, addr, sizeof(a.addr));
	if (ioctl(s, SIOCSIFMTU, &r) < 0)
		return -errno;
	a.index = (int)if_nametoindex(cfg->name);
	if (ioctl(s, SIOCSIFADDR, &a) < 0 && errno != EEXIST)
		return -errno;
	if (ioctl(s, SIOCGIFFLAGS, &r) < 0)
		return -errno;
	r.ifr_flags |= IFF_UP;
	return ioctl(s, SIOCSIFFLAGS, &r) < 0 ? -errno : 0;
}

/* syscalls at the start: socket ioctl close */
static int configure(const struct dp_tun_cfg *cfg, const uint8_t *addr, unsigned *mtu, char *err,
                     size_t errcap)
{
	int s = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;
	struct ifreq r = {0};
	bool has, up;
	char help[400];

	if (s < 0) {
		rc = -errno;
		snprintf(err, errcap, "[tun]: cannot make an IPv6 socket: %s", strerror(-rc));
		return rc;
	}
	memcpy(r.ifr_name, cfg->name, sizeof(r.ifr_name));
	rc = set_up(s, cfg, addr);
	if (ioctl(s, SIOCGIFMTU, &r) == 0)
		*mtu = (unsigned)r.ifr_mtu;
	close(s);
	look(cfg->name, addr, &has, &up);
	if ((rc == 0 || rc == -EPERM) && has && up)
		return 0;
	remedy(cfg, addr, help, sizeof(help));
	if (rc == -EPERM || rc == 0)
		snprintf(err, errcap,
		         "[tun]: the interface %s %s, and coyod may not change that: %s", cfg->name,
		         has ? "is down" : "lacks this node's address", help);
	else
		snprintf(err, errcap, "[tun]: cannot set up the interface %s: %s%s", cfg->name,
		         strerror(-rc),
		         rc == -EACCES ? "; is IPv6 switched off (net.ipv6.conf.*.disable_ipv6)?"
		                       : "");
	return rc ? rc : -EPERM;
}

/* syscalls at the start: close */
int tun_if_open(const struct dp_tun_cfg *cfg, const uint8_t addr[IP6_ADDR_BYTES], unsigned *mtu,
                char *err, size_t errcap)
{
	int fd = attach(cfg, addr, err, errcap), rc;

	if (fd < 0)
		return fd;
	*mtu = cfg->mtu;
	rc = configure(cfg, addr, mtu, err, errcap);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}
