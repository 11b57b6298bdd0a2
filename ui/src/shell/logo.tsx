export function Logo({ size }: { readonly size: number }) {
  return (
    <svg class="logo" viewBox="0 0 64 64" width={size} height={size} aria-hidden="true" focusable="false">
      <path d="M32 3 57.100 17.500v29L32 61 6.900 46.500v-29z" class="logo-comb" />
      <path d="M32 15.500 46.300 23.750v16.500L32 48.500 17.700 40.250v-16.500z" class="logo-cell" />
      <path d="M32 24 39 28v8l-7 4-7-4v-8z" class="logo-comb" />
    </svg>
  );
}
