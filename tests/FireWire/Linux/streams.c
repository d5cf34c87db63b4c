// streams DEVICE COUNT: sends isochronous packets on channel 2 through Linux's /dev/fwN and receives what an echo node makes of them on
// channel 3; compares. Prints "ok streams COUNT" or "not ok streams REASON".
#include <errno.h>
#include <fcntl.h>
#include <linux/firewire-cdev.h>
#include <linux/firewire-constants.h>
#include <poll.h>
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOT 512
#define MOST 400

struct context {
	int device;
	uint32_t handle;
	uint8_t *buffer;
};

static int fail(const char *what)
{
	printf("not ok streams %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct context create(const char *name, uint32_t type, uint32_t channel, uint32_t header_size, int protection)
{
	struct fw_cdev_get_info info = { .version = 4 };
	struct fw_cdev_create_iso_context create = { .type = type, .header_size = header_size, .channel = channel, .speed = SCODE_400 };
	struct context context = { .device = open(name, O_RDWR) };

	if (context.device < 0 || ioctl(context.device, FW_CDEV_IOC_GET_INFO, &info) < 0)
		fail(name);
	if (ioctl(context.device, FW_CDEV_IOC_CREATE_ISO_CONTEXT, &create) < 0)
		fail("context");
	context.handle = create.handle;
	context.buffer = mmap(NULL, MOST * SLOT, protection, MAP_SHARED, context.device, 0);
	if (context.buffer == MAP_FAILED)
		fail("buffer");
	return context;
}

static void queue(struct context *context, int slot, uint32_t control)
{
	struct fw_cdev_iso_packet packet = { .control = control };
	struct fw_cdev_queue_iso queue = {
		.packets = (uintptr_t)&packet, .data = (uintptr_t)(context->buffer + slot * SLOT), .size = sizeof(packet), .handle = context->handle,
	};

	if (ioctl(context->device, FW_CDEV_IOC_QUEUE_ISO, &queue) < 0)
		fail("queue");
}

static void start(struct context *context)
{
	struct fw_cdev_start_iso start = { .cycle = -1, .tags = FW_CDEV_ISO_CONTEXT_MATCH_ALL_TAGS, .handle = context->handle };

	if (ioctl(context->device, FW_CDEV_IOC_START_ISO, &start) < 0)
		fail("start");
}

static uint32_t length_of(int i)
{
	return 4 * (1 + (i * 37) % (SLOT / 4));
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[2]) : 100, received = 0, cycle = -1;
	struct context out = create(argv[1], FW_CDEV_ISO_CONTEXT_TRANSMIT, 2, 0, PROT_READ | PROT_WRITE);
	struct context in = create(argv[1], FW_CDEV_ISO_CONTEXT_RECEIVE, 3, 8, PROT_READ);

	if (count > MOST)
		count = MOST;
	for (int i = 0; i < count; i++) {
		for (uint32_t j = 0; j < length_of(i); j++)
			out.buffer[i * SLOT + j] = i * 7 + j * 3;
		queue(&in, i, FW_CDEV_ISO_PAYLOAD_LENGTH(SLOT) | FW_CDEV_ISO_HEADER_LENGTH(8) | FW_CDEV_ISO_INTERRUPT);
	}
	start(&in);
	for (int i = 0; i < count; i++)
		queue(&out, i, FW_CDEV_ISO_PAYLOAD_LENGTH(length_of(i)) | FW_CDEV_ISO_TAG(1) | FW_CDEV_ISO_SY(i % 16) | (i == count - 1 ? FW_CDEV_ISO_INTERRUPT : 0));
	start(&out);
	while (received < count) {
		union {
			struct fw_cdev_event_iso_interrupt interrupt;
			char room[8192];
		} event;
		struct pollfd poll_for = { .fd = in.device, .events = POLLIN };

		if (poll(&poll_for, 1, 30000) != 1) {
			printf("not ok streams %d of %d came\n", received, count);
			return 1;
		}
		if (read(in.device, &event, sizeof(event)) < 0)
			fail("read");
		if (event.interrupt.type != FW_CDEV_EVENT_ISO_INTERRUPT)
			continue;
		for (uint32_t i = 0; i < event.interrupt.header_length / 8; i++, received++) {
			uint32_t header = ntohl(event.interrupt.header[i * 2]), stamp = ntohl(event.interrupt.header[i * 2 + 1]) & 0x1fff;
			uint32_t expected = length_of(received) << 16 | 1 << 14 | 3 << 8 | 0xa << 4 | received % 16;

			if (header != expected || memcmp(in.buffer + received * SLOT, out.buffer + received * SLOT, length_of(received)) != 0) {
				printf("not ok streams packet %d: %08x, not %08x\n", received, header, expected);
				return 1;
			}
			if (cycle >= 0 && stamp != (cycle + 1u) % 8000) {
				printf("not ok streams packet %d: cycle %u after %d\n", received, stamp, cycle);
				return 1;
			}
			cycle = stamp;
		}
	}
	printf("ok streams %d\n", count);
	return 0;
}
