// SPDX-License-Identifier: GPL-2.0
/*
 * A DRM device is unbound while programs have it open, show a framebuffer and
 * write to its mapping; then it is used and closed, and bound again.
 *
 * Needs QEMU with -device bochs-display. Plain system calls, no libdrm.
 */
#include <dirent.h>
#include <setjmp.h>
#include <sys/mman.h>

#include "common.h"

/* The headers are those of the kernel's source. */
#define __user
#include <drm/drm.h>
#include <drm/drm_mode.h>

#define ROUNDS		100
#define DRIVER		"/sys/bus/pci/drivers/bochs-drm"

struct screen {
	int			fd;
	char			node[64];
	__u32			crtc, connector, fb, handle;
	struct drm_mode_modeinfo mode;
	volatile __u32		*pixels;
	size_t			size;
	__u64			offset;		/* of the buffer, for mmap() */
};

struct hammer {
	pthread_t		thread;
	struct screen		*screen;
	int			fd;
	volatile bool		stop;
	volatile unsigned long	calls;
};

static char pci_name[64];

static __thread sigjmp_buf on_bus_error;

static void bus_error(int sig __unused)
{
	siglongjmp(on_bus_error, 1);
}

/* The entry of @dir that begins with @prefix; false when there is none. */
static bool find_entry(const char *dir, const char *prefix, char *name, size_t size)
{
	struct dirent *e;
	bool found = false;
	DIR *d;

	d = opendir(dir);
	while (d && !found && (e = readdir(d)))
		if (!strncmp(e->d_name, prefix, strlen(prefix))) {
			snprintf(name, size, "%.40s", e->d_name);
			found = true;
		}
	if (d)
		closedir(d);
	return found;
}

static bool find_node(char *node, size_t size)
{
	char dir[160], card[64];

	snprintf(dir, sizeof(dir), DRIVER "/%s/drm", pci_name);
	if (!find_entry(dir, "card", card, sizeof(card)))
		return false;
	snprintf(node, size, "/dev/dri/%.40s", card);
	return exists(node);
}

static long get_resources(int fd, __u32 *crtc, __u32 *connector)
{
	struct drm_mode_card_res res = {
		.crtc_id_ptr = (unsigned long)crtc,
		.connector_id_ptr = (unsigned long)connector,
		.count_crtcs = 1,
		.count_connectors = 1,
	};

	return xioctl(fd, DRM_IOCTL_MODE_GETRESOURCES, &res);
}

static long dirty(int fd, __u32 fb)
{
	struct drm_mode_fb_dirty_cmd cmd = { .fb_id = fb };

	return xioctl(fd, DRM_IOCTL_MODE_DIRTYFB, &cmd);
}

static long create_dumb(int fd, struct drm_mode_create_dumb *dumb)
{
	memset(dumb, 0, sizeof(*dumb));
	dumb->width = 640;
	dumb->height = 480;
	dumb->bpp = 32;
	return xioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, dumb);
}

static void *map_dumb(struct screen *s)
{
	struct drm_mode_map_dumb map = { .handle = s->handle };

	if (xioctl(s->fd, DRM_IOCTL_MODE_MAP_DUMB, &map))
		return MAP_FAILED;
	s->offset = map.offset;
	return mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, s->offset);
}

/* Writes to the mapping; false when that raised SIGBUS. */
static bool paint(struct screen *s, __u32 colour)
{
	size_t i;

	if (sigsetjmp(on_bus_error, 1))
		return false;
	for (i = 0; i < s->size / 4; i += 512)
		s->pixels[i] = colour;
	return true;
}

static bool show(struct screen *s)
{
	struct drm_mode_modeinfo modes[64];
	struct drm_mode_get_connector conn = { 0 };
	struct drm_mode_create_dumb dumb;
	struct drm_mode_fb_cmd fb = { 0 };
	struct drm_mode_crtc crtc = { 0 };

	if (!ok_err(get_resources(s->fd, &s->crtc, &s->connector), 0, "resources"))
		return false;
	/* The first call has no room for modes, which makes the driver look for them. */
	conn.connector_id = s->connector;
	xioctl(s->fd, DRM_IOCTL_MODE_GETCONNECTOR, &conn);
	conn.count_props = 0;
	conn.count_encoders = 0;
	if (!ok(conn.count_modes && conn.count_modes <= ARRAY_SIZE(modes),
		"the connector has modes (%u)", conn.count_modes))
		return false;
	conn.modes_ptr = (unsigned long)modes;
	if (!ok_err(xioctl(s->fd, DRM_IOCTL_MODE_GETCONNECTOR, &conn), 0, "connector"))
		return false;
	s->mode = modes[0];

	memset(&dumb, 0, sizeof(dumb));
	dumb.width = s->mode.hdisplay;
	dumb.height = s->mode.vdisplay;
	dumb.bpp = 32;
	if (!ok_err(xioctl(s->fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb), 0, "dumb buffer"))
		return false;
	s->handle = dumb.handle;
	s->size = dumb.size;
	fb.width = dumb.width;
	fb.height = dumb.height;
	fb.pitch = dumb.pitch;
	fb.bpp = 32;
	fb.depth = 24;
	fb.handle = dumb.handle;
	if (!ok_err(xioctl(s->fd, DRM_IOCTL_MODE_ADDFB, &fb), 0, "framebuffer"))
		return false;
	s->fb = fb.fb_id;
	s->pixels = map_dumb(s);
	if (!ok(s->pixels != MAP_FAILED, "mmap"))
		return false;
	ok(paint(s, 0x336699), "paint");

	crtc.crtc_id = s->crtc;
	crtc.fb_id = s->fb;
	crtc.set_connectors_ptr = (unsigned long)&s->connector;
	crtc.count_connectors = 1;
	crtc.mode = s->mode;
	crtc.mode_valid = 1;
	return ok_err(xioctl(s->fd, DRM_IOCTL_MODE_SETCRTC, &crtc), 0, "set mode");
}

/* Make calls of all kinds until told to stop. Results do not matter. */
static void *hammer(void *arg)
{
	struct hammer *h = arg;
	struct drm_mode_create_dumb dumb;
	__u32 crtc, connector;

	while (!h->stop) {
		get_resources(h->fd, &crtc, &connector);
		dirty(h->screen->fd, h->screen->fb);
		paint(h->screen, h->calls);
		if (!create_dumb(h->fd, &dumb)) {
			struct drm_mode_destroy_dumb destroy = { .handle = dumb.handle };

			xioctl(h->fd, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy);
		}
		h->calls++;
	}
	return NULL;
}

/* Try everything on the open file. */
static void use_after_unbind(struct screen *s, int other)
{
	struct drm_mode_create_dumb dumb;
	struct drm_version version = { 0 };
	struct drm_mode_crtc crtc = { .crtc_id = s->crtc };
	__u32 id, connector;
	char event[64];
	void *map;

	ok_err(get_resources(s->fd, &id, &connector), ENODEV, "resources");
	ok_err(dirty(s->fd, s->fb), ENODEV, "dirty framebuffer");
	ok_err(create_dumb(other, &dumb), ENODEV, "dumb buffer");
	ok_err(xioctl(other, DRM_IOCTL_VERSION, &version), ENODEV, "version");
	ok_err(xioctl(s->fd, DRM_IOCTL_MODE_SETCRTC, &crtc), ENODEV, "set mode");
	map = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, s->offset);
	ok_err(map == MAP_FAILED ? -errno : 0, ENODEV, "mmap, as before");
	/* DRM does not ask whether the device is there. */
	ok_err(xread(other, event, sizeof(event)), EAGAIN, "no event to read");
	poll_one(s->fd, 0);
	/* Either SIGBUS or memory that nobody sees: the driver decides. */
	paint(s, 0xffffff);
	ok(xopen(s->node, O_RDWR) < 0, "open fails");
}

static bool round_trip(int n)
{
	struct screen s = { 0 };
	struct hammer h = { .screen = &s };
	int other;
	bool good;

	if (!ok(wait_for(find_node(s.node, sizeof(s.node)), 10000), "there is a node"))
		return false;
	s.fd = xopen(s.node, O_RDWR | O_NONBLOCK);
	other = xopen(s.node, O_RDWR | O_NONBLOCK);
	if (!ok(s.fd >= 0 && other >= 0, "open twice") || !show(&s))
		return false;

	/* Each other time it is unbound with calls in progress. */
	if (n % 2) {
		h.fd = other;
		good = !pthread_create(&h.thread, NULL, hammer, &h) &&
		       wait_for(h.calls > 2, 10000);
		ok(good, "calls in progress");
	}
	ok_err(write_file(DRIVER "/unbind", pci_name), 0, "unbind");
	if (n % 2) {
		unsigned long calls = h.calls;

		ok(wait_for(h.calls > calls + 2, 10000), "calls return");
		h.stop = true;
		pthread_join(h.thread, NULL);
	}
	use_after_unbind(&s, other);

	/* The mapping may outlive the file, and the file the mapping. */
	if (n % 4 < 2)
		munmap((void *)s.pixels, s.size);
	close(s.fd);
	close(other);
	if (n % 4 >= 2) {
		paint(&s, 0);
		munmap((void *)s.pixels, s.size);
	}
	return ok_err(write_file(DRIVER "/bind", pci_name), 0, "bind");
}

int main(void)
{
	struct sigaction sa = { .sa_handler = bus_error };
	int i;

	sigaction(SIGBUS, &sa, NULL);
	/* QEMU always has one. */
	if (!ok(find_entry(DRIVER, "0000:", pci_name, sizeof(pci_name)),
		"a bochs-display is bound to its driver"))
		return done("drm-unplug");
	tap_quiet = true;
	for (i = 0; i < ROUNDS; i++)
		if (!round_trip(i))
			break;
	tap_quiet = false;
	ok(i == ROUNDS, "%d times unbound while open, used, closed, bound again", i);
	ok_no_leaks();
	return done("drm-unplug");
}
