const PATHS = {
  hive: 'M12 2.5 16.300 5v5L12 12.500 7.700 10V5zM7.200 11.700l4.300 2.500v5L7.200 21.700 2.900 19.200v-5zM16.800 11.700l4.300 2.500v5l-4.300 2.500-4.300-2.500v-5z',
  containers: 'M12 3 20 7.600v8.800L12 21 4 16.400V7.600zM4.300 7.700 12 12l7.700-4.300M12 12v8.700',
  nodes: 'M4 5h16v5H4zM4 14h16v5H4zM7.500 7.500h.01M7.500 16.500h.01M11 7.500h5M11 16.500h5',
  images: 'M12 3 21 8l-9 5-9-5zM3.500 12.200 12 17l8.500-4.800M3.500 16.200 12 21l8.500-4.800',
  networks:
    'M12 3a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5M5.500 16a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5M18.500 16a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5M12 8v4M12 12l-5.500 4.200M12 12l5.500 4.200',
  volumes:
    'M12 3c4.400 0 8 1.300 8 3s-3.600 3-8 3-8-1.300-8-3 3.600-3 8-3M4 6v12c0 1.700 3.600 3 8 3s8-1.300 8-3V6M4 12c0 1.700 3.600 3 8 3s8-1.300 8-3',
  events: 'M4 12h3.500l2.500-7 4 14 2.500-7H20',
  plans: 'M5 5h5v5H5zM14 14h5v5h-5zM10 7.500h4.500a2 2 0 0 1 2 2V14M7.500 10v4.500a2 2 0 0 0 2 2H14',
  bill: 'M6 3h12v18l-3-2-3 2-3-2-3 2zM9.500 8h5M9.500 12h5',
  search: 'M10.500 4a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13M15.500 15.500 20.500 20.500',
  settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 4.500v5M8 14.500v5',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  fit: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  close: 'M6 6l12 12M18 6 6 18',
  back: 'M15 5l-7 7 7 7',
  next: 'M9 5l7 7-7 7',
  list: 'M9 6h11M9 12h11M9 18h11M4.500 6h.01M4.500 12h.01M4.500 18h.01',
  play: 'M7 4.500v15l12-7.500z',
  pause: 'M8 5v14M16 5v14',
  stop: 'M6 6h12v12H6z',
  restart: 'M19.500 12a7.500 7.500 0 1 1-2.200-5.300L20 9.400M20 4.500v5h-5',
  kill: 'M12 3 21 12l-9 9-9-9zM12 8v5M12 16h.01',
  remove: 'M5 7h14M10 7V4.500h4V7M7 7l1 13h8l1-13',
  warning: 'M12 4 21.500 20h-19zM12 10v4.500M12 17.200h.01',
  lock: 'M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3',
  copy: 'M9 9h11v11H9zM15 9V4H4v11h5',
  down: 'M12 4v15M6 13l6 6 6-6',
  key: 'M8 11a4 4 0 1 0 0 .01M12 11h9M18 11v4',
  arrow: 'M4 12h15M13 6l6 6-6 6',
} as const;

export type IconName = keyof typeof PATHS;

/** A drawing beside words that say the same. */
export function Icon({ name, size = 20 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
